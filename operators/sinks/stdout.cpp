#include "operators/sinks/stdout.hpp"

#include <unistd.h>

#include "operators/common/prologue.hpp"

namespace flow::operators {

void StdoutSink::describe(Description<Options>& description) {
  description.name("stdout");
  description.summary("Writes rows to the standard output.");
  description.doc(R"(Writes what the codec named by `encoding` made of each row, in the order of
arrival, and nothing else; logs and progress go to the standard error. Has no options of its own.
Meant for looking at a pipeline (`encoding = "pretty"`) and for passing rows to another program
(`flowrun look.toml | jq .city`).

Where the codec writes a header (`csv`), the output begins with that of the first rows; a file that
is added to (`>> x.csv`) gets one only while it is empty. Rows of other columns go to `errors` as
`other_columns`.

A slow reader is waited for; while it is, the pipeline stands still within its memory limit. If
the reader goes away, the run fails: no other one can come. A full disk is tried again until it
passes. Rows are delivered at least once: what was written cannot be taken back after a restart.)");
  description.example(R"(type = "stdout"
inputs = ["parsed"]
encoding = "pretty"
)");
  description.output("errors", "Rows of other columns than the header says.");
  description.traits(FLOW_BYTES | FLOW_SERIAL | FLOW_BLOCKING);
}

void StdoutSink::open(Output&) { writer_.attach(STDOUT_FILENO, true); }

void StdoutSink::process(const Batch& in, Output& out) {
  if (!writer_.accepts(in)) {
    fail_other_columns(in, "the standard output", out);
    return;
  }
  writer_.write(in, out);
}

}  // namespace flow::operators
