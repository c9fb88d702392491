# How every target of ours is compiled, and the one way to declare one.

set(TAMGA_WARNINGS -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes
    -Wmissing-prototypes -Wpointer-arith -Wvla -Werror)

function(tamga_compile target)
  target_compile_options(${target} PRIVATE ${TAMGA_WARNINGS})
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE
    TAMGA_VERSION="${PROJECT_VERSION}")
  get_target_property(type ${target} TYPE)
  if(type STREQUAL "EXECUTABLE" AND TAMGA_SANITIZE MATCHES "address")
    target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests/lib/lsan.c)
  endif()
endfunction()

if(TAMGA_SANITIZE)
  add_compile_options(-fsanitize=${TAMGA_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TAMGA_SANITIZE})
endif()
add_compile_options($<$<CONFIG:RelWithDebInfo>:-D_FORTIFY_SOURCE=2> -fstack-protector-strong)

# tamga_library(NAME ROOT folder SOURCES ... LINKS ...): a static library of one folder.
# ROOT is the include root (core, server or client); LINKS are public.
function(tamga_library name)
  cmake_parse_arguments(ARG "" "ROOT" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/${ARG_ROOT})
  target_link_libraries(${name} PUBLIC ${ARG_LINKS} PRIVATE ${ARG_PRIVATE_LINKS})
  tamga_compile(${name})
endfunction()

# tamga_test(NAME SOURCES ... LINKS ... [LABELS ...]): one Criterion program under CTest.
# Criterion links libnanomsg, whose nn_* symbols libnng exports too: order matters.
function(tamga_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LINKS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE criterion -Wl,--no-as-needed -l:libnanomsg.so.5
                        ${ARG_LINKS})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/lib)
  target_compile_definitions(${name} PRIVATE
    TAMGA_TEST_VECTORS="${PROJECT_SOURCE_DIR}/tests/vectors")
  tamga_compile(${name})
  add_test(NAME ${name} COMMAND ${name})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
  if(TAMGA_SANITIZE MATCHES thread) # Criterion does not run under it; plain programs do
    set_tests_properties(${name} PROPERTIES DISABLED TRUE)
  endif()
endfunction()
