/*
 * What LeakSanitizer need not tell: memory that libnng's own reaper thread still holds
 * when a process ends, and 48 bytes of Criterion's runner. Linked into every program of a
 * sanitized build; ours are not named here.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libnng.so\nleak:libcriterion.so\n";
}
