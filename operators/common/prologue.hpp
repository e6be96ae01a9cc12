// The bytes that a stream of encoded rows begins with, such as the header line of a CSV file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "flow/output.hpp"

namespace flow::operators {

// Whether the last column is FLOW_PROLOGUE_FIELD.
bool has_prologue(const flow_schema& schema);

// Of rows as an encoder made them: what their stream is to begin with (FLOW_PROLOGUE_FIELD). Empty:
// nothing. Lives as long as the batch.
std::string_view prologue_of(const Batch& in);

// Stands for a prologue in a checkpoint: at least 0, and 0 for none. The same on every machine.
int64_t prologue_mark(std::string_view prologue);

// Whether the file's first bytes are these. A file that cannot be read is believed.
bool file_begins_with(const std::string& path, std::string_view bytes);

// Fails all rows of a batch as `other_columns`: their prologue is not the one that `target` (for
// people, eg: "'out/x.csv'") begins with.
void fail_other_columns(const Batch& in, const std::string& target, Output& out);
// What those failures say.
std::string other_columns_message(const std::string& target);

}  // namespace flow::operators
