// What the process says at its end. Values of sysexits.h where one fits; docs/commands.md explains
// them.
#pragma once

namespace flowrun::cli {

enum ExitCode : int {
  kSuccess = 0,         // finished, or drained after a signal; every row is accounted for
  kPipelineFailed = 1,  // a component could not go on
  kUsage = 64,          // the command line
  kUnavailable = 69,    // the environment: a component cannot be opened, an address is taken
  kInternalError = 70,  // an error of flowrun's own, or rows that are not accounted for
  kLeftBehind = 75,     // stopped at once, or the drain took too long; running it again may help
  kConfigurationError = 78  // the pipeline file or a plugin
};

// For the end of help texts.
inline constexpr const char* kExitCodeHelp =
    "Exit codes:\n"
    "   0  the input ended, or a signal stopped the run and everything was delivered\n"
    "   1  the pipeline failed while it ran\n"
    "  64  the command line makes no sense\n"
    "  69  a file, database or address that the pipeline needs cannot be had\n"
    "  70  an internal error, or rows that are not accounted for\n"
    "  75  stopped before everything was delivered (second signal, --drain-timeout)\n"
    "  78  the pipeline file or a plugin is wrong\n";

}  // namespace flowrun::cli
