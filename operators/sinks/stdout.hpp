// Writes encoded rows to the standard output.
#pragma once

#include "flow/operator.hpp"
#include "operators/common/byte_writer.hpp"

namespace flow::operators {

// Takes one binary column and writes its rows as they are. Cost: one write(2) a batch to a file,
// one poll(2) and one write(2) for each 4 KiB to a pipe or terminal.
class StdoutSink final : public Sink {
 public:
  struct Options {};
  static void describe(Description<Options>& description);

  // Throws Failure if the standard output is closed.
  void open(Output& out) override;
  void process(const Batch& in, Output& out) override;

 private:
  ByteWriter writer_{"stdout sink: standard output"};
};

}  // namespace flow::operators
