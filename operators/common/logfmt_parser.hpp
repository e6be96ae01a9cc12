// Lines of logfmt: level=info msg="it works" ok.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "operators/common/field_rows.hpp"
#include "operators/common/row_parser.hpp"

namespace flow::operators {

// Pairs with blanks between them. A name ends at `=` or a blank; a value too, unless it begins with
// a quote: then it ends at the next one without a backslash. Escapes are those of JSON. A name
// without `=` has the value `true`. Fails with `no_fields`, `no_name`, `unclosed_quote`,
// `text_after_quote`, `bad_type` and `too_many_fields`. About 20 ns a pair.
class LogfmtParser final : public RowParser {
 public:
  LogfmtParser(const DeclaredSchema& schema, Undeclared undeclared, int64_t max_fields)
      : rows_(schema.fields(), undeclared, max_fields), declared_(schema.fields().size()) {}

  void start(Host host, int64_t rows, const flow_column& texts) override {
    rows_.start(host, rows, texts);
  }
  const char* add(std::string_view text, const TextPlace& place) override;
  std::vector<NewColumn> finish() override { return rows_.finish(); }
  size_t declared() const override { return declared_; }
  const FieldRows& rows() const { return rows_; }

 private:
  struct Pair {
    std::string_view name;
    std::string_view value;
    bool is_escaped;
    bool is_inside;  // the value stands in the line as it is
  };
  const char* split(std::string_view text);
  const char* refuse(const char* reason, size_t at, const char* what);
  const char* put(const Pair& pair, const TextPlace& place);

  FieldRows rows_;
  size_t declared_;
  std::vector<Pair> pairs_;
  std::string value_;
};

// Appends what a text in quotes stands for. A backslash before anything that is no escape stands
// for itself.
void append_unescaped(std::string_view inside, std::string& out);

// Appends `value` as logfmt has it: in quotes if it needs them.
void append_logfmt_value(std::string_view value, std::string& out);
// The name of a column, with `_` for what a name cannot hold.
std::string logfmt_name(std::string_view name);

}  // namespace flow::operators
