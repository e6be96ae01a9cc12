// Sinks of the program's own, in the place of those that a file names: `tap` and `expr` take rows
// through one, `bench` throws away what it measures.
#pragma once

#include <functional>
#include <string>

#include "core/config/specification.hpp"
#include "core/plugin/plugin_library.hpp"
#include "flow/batch.hpp"

namespace flowrun::cli {

// Their names, as `type` of a component.
inline constexpr const char* kRowsSink = "flowrun_rows";        // hands rows to the receiver
inline constexpr const char* kNowhereSink = "flowrun_nowhere";  // takes rows, or a stream of bytes
inline constexpr const char* kNowhereMessagesSink = "flowrun_nowhere_messages";  // takes messages

// The plugin that offers them, for Registry::add.
const PluginLibrary& tool_sinks();

// What the rows sink calls with each batch, on one thread at a time. One a process; must outlive
// the run.
using RowReceiver = std::function<void(const flow::Batch&)>;
class ReceivingRows {
 public:
  explicit ReceivingRows(RowReceiver receiver);
  ~ReceivingRows();
  ReceivingRows(const ReceivingRows&) = delete;
  ReceivingRows& operator=(const ReceivingRows&) = delete;
};

// A sink of that type, reading one output.
ComponentSpecification tool_sink(const std::string& type, const std::string& id,
                                 InputReference reference);

}  // namespace flowrun::cli
