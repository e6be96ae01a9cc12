// flowrun state export, import: the state of one component from one folder of checkpoints to
// another.
#pragma once

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11 calls it so
class App;
}

namespace flowrun::cli {

// Adds both to the command `state`.
void add_state_moves(CLI::App& state, int& exit_code);

}  // namespace flowrun::cli
