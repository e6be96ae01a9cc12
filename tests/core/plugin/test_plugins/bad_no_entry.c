/* A library, but no plugin: it lacks the symbol. Refused when it is loaded. */
int bad_no_entry_is_a_library(void);
int bad_no_entry_is_a_library(void) { return 1; }
