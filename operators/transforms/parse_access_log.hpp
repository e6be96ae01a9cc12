// parse_access_log: lines of a web server's access log into columns.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/access_line.hpp"
#include "operators/common/input_column.hpp"
#include "operators/common/text_source.hpp"

namespace flow::operators {

class ParseAccessLog final : public Transform {
 public:
  struct Options {
    Field field{"message"};
    AccessFormat format = AccessFormat::kAuto;
    bool typed = false;
    bool identity = false;
    bool vhost = false;
    bool keep_source = false;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Inference& inference);

  explicit ParseAccessLog(const Options& options);
  void process(const Batch& in, Output& out) override;

 private:
  // The new columns, in order.
  static Fields added_fields(const Options& options);

  class Columns;
  struct BadRow {
    int64_t row;
    AccessFault fault;
  };

  // Parses the rows of `source` into columns of the good ones; the others go to `bad_`.
  void parse(const TextSource& source, Columns& columns);
  void parse_row(const TextSource& source, int64_t row, Columns& columns);
  // The end of the rows from `row` on that lie one behind the other in one buffer, kRunBytes at
  // most; `row` if there are none.
  static int64_t run_end(const TextSource& source, int64_t row);
  // Parses such rows with one look for all of their quotes.
  void parse_run(const TextSource& source, int64_t first, int64_t end, Columns& columns);
  Batch assemble(const Batch& rows, const TextSource& source, Columns& columns, Output& out);
  void fail(const Batch& in, const TextSource& source, Output& out) const;

  const Options options_;
  TextInput input_;
  AccessLineParser parser_;
  std::vector<uint32_t> quotes_;  // of a run, counted from its beginning
  std::vector<BadRow> bad_;
  std::vector<int32_t> good_;
};

}  // namespace flow::operators
