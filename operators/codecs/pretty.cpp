#include "operators/codecs/pretty.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "flow/utf8.hpp"
#include "operators/common/json_text.hpp"
#include "operators/common/json_writer.hpp"
#include "operators/common/rfc3339.hpp"

namespace flow::operators {
namespace {

constexpr size_t kWidestName = 32;       // longer names push their values to the right
constexpr int64_t kCutBytes = 64 << 20;  // of text in one batch
constexpr std::string_view kReset = "\x1b[0m";
constexpr std::string_view kNameColor = "\x1b[36m";
constexpr std::string_view kNullColor = "\x1b[2m";

std::string_view color_of(flow_type type) {
  switch (type) {
    case FLOW_INT64:
    case FLOW_FLOAT64:
      return "\x1b[33m";
    case FLOW_BOOL:
      return "\x1b[35m";
    case FLOW_TIMESTAMP:
      return "\x1b[32m";
    default:
      return {};
  }
}

void append_hexadecimal(std::string& out, char c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  out.append("\\x");
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

// What a terminal would take as a command, or as another direction of writing.
bool is_command(std::string_view character) {
  const auto byte = [&](size_t at) { return static_cast<unsigned char>(character[at]); };
  if (character.size() == 1) return byte(0) < 0x20 || byte(0) == 0x7f;
  if (character.size() == 2) return byte(0) == 0xC2 && byte(1) < 0xA0;
  if (character.size() != 3 || byte(0) != 0xE2) return false;
  return (byte(1) == 0x80 && byte(2) >= 0xAA && byte(2) <= 0xAE) ||
         (byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9);
}

// `indent`: of the lines behind the first; NULL: line ends are written as \n.
void append_visible(std::string& out, std::string_view text, const std::string* indent) {
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    const std::string_view character = text.substr(0, step.length);
    text.remove_prefix(step.length);
    if (character == "\n" && indent != nullptr) {
      out += '\n';
      out.append(*indent);
    } else if (character == "\n") {
      out.append("\\n");
    } else if (character == "\t") {
      out.append("\\t");
    } else if (!step.valid || is_command(character)) {
      for (const char c : character) append_hexadecimal(out, c);
    } else {
      out.append(character);
    }
  }
}

}  // namespace

void Pretty::describe(Description<Options>& description) {
  description.name("pretty");
  description.summary("Rows for people to look at: aligned, and coloured on a terminal.");
  description.doc(R"(Writes each row as a block, a field a line with the values under one another
and an empty line behind, or as one line of `name=value`. Fields inside structs stand under their
dotted names, timestamps as RFC 3339 in UTC, json strings without their quotes, lists as `[a, b]`.
What would command a terminal (control characters, escape sequences, changes of the direction of
writing) and invalid UTF-8 are written as `\x1b` and the like; further lines of a text are indented.

Meant for the sink `stdout`. Not meant to be read by programs; use `json` for them. Encodes only.)");
  description.example(R"(type = "pretty"
layout = "line"
)");
  description.traits(FLOW_STATELESS | FLOW_ENCODES);
  description.choice("layout", &Options::layout,
                     {{"block", Layout::kBlock}, {"line", Layout::kLine}},
                     "`block`, the default: a field a line, for wide rows; `line`: a row a line, "
                     "for many short ones and for grep.");
  description.choice(
      "color", &Options::color,
      {{"auto", Color::kAuto}, {"always", Color::kAlways}, {"never", Color::kNever}},
      "`auto`, the default: colours if the standard output is a terminal, the environment variable "
      "NO_COLOR is not set and TERM is not `dumb`. `always` suits `| less -R`; `never` suits a "
      "file "
      "that is written while the standard output is a terminal.");
  description.choice("nulls", &Options::nulls, {{"omit", Nulls::kOmit}, {"write", Nulls::kWrite}},
                     "Whether fields without a value are left out, the default, or written as "
                     "`null`.");
}

void Pretty::open(Output&) {
  const auto set = [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? std::string_view(value) : std::string_view();
  };
  colored_ = options_.color == Color::kAlways ||
             (options_.color == Color::kAuto && ::isatty(STDOUT_FILENO) == 1 &&
              set("NO_COLOR").empty() && set("TERM") != "dumb");
}

void Pretty::decode(const Batch&, Output&) {
  throw Failure("pretty: encodes only; name another codec as `decoding`");
}

void Pretty::add_leaves(const flow_field& field, const std::string& name, const ColumnPath& path) {
  if (field.type == FLOW_STRUCT && field.n_children > 0) {
    for (uint32_t i = 0; i < field.n_children; ++i) {
      ColumnPath inner = path;
      inner.steps.push_back(i);
      std::string inner_name = name;
      inner_name += '.';
      inner_name.append(field.children[i]->name);
      add_leaves(*field.children[i], inner_name, inner);
    }
    return;
  }
  Leaf leaf;
  leaf.path = path;
  leaf.path.type = field.type;
  leaves_.push_back(std::move(leaf));
  std::string visible;
  append_visible(visible, name, nullptr);
  names_.push_back(std::move(visible));
}

void Pretty::plan(const flow_schema& schema) {
  leaves_.clear();
  names_.clear();
  for (uint32_t i = 0; i < schema.n_fields; ++i) {
    ColumnPath path;
    path.steps.push_back(i);
    add_leaves(*schema.fields[i], schema.fields[i]->name, path);
  }
  width_ = 0;
  for (const std::string& name : names_) {
    width_ = std::max(width_, std::min(utf8_length(name), kWidestName));
  }
  for (size_t i = 0; i < leaves_.size(); ++i) {
    std::string& label = leaves_[i].label;
    if (colored_) label.append(kNameColor);
    label.append(names_[i]);
    if (colored_) label.append(kReset);
    if (options_.layout == Layout::kLine) {
      label += '=';
    } else {
      const size_t name = utf8_length(names_[i]);
      label.append(width_ - std::min(width_, name) + 2, ' ');
    }
  }
}

void Pretty::write_value(const flow_column& column, int64_t row, std::string& text) const {
  if (Validity(column).is_null(row)) {
    text.append("null");
    return;
  }
  std::array<char, kNumberBytes + kWriteSlack> number;
  const auto append_to = [&](const char* end) {
    text.append(number.data(), static_cast<size_t>(end - number.data()));
  };
  switch (column.type) {
    case FLOW_BOOL:
      text.append(BoolView(column)[row] ? "true" : "false");
      return;
    case FLOW_INT64:
      append_to(write_int64(number.data(), Int64View(column)[row]));
      return;
    case FLOW_FLOAT64:
      append_to(write_double(number.data(), Float64View(column)[row]));
      return;
    case FLOW_TIMESTAMP:
      append_to(format_rfc3339(Int64View(column)[row], number.data()));
      return;
    case FLOW_LIST: {
      const auto* offsets =
          static_cast<const int32_t*>(column.array->buffers[1]) + column.array->offset;
      text += '[';
      for (int32_t at = offsets[row]; at < offsets[row + 1]; ++at) {
        if (at > offsets[row]) text.append(", ");
        write_value(*column.children[0], at, text);
      }
      text += ']';
      return;
    }
    case FLOW_STRUCT: {
      text += '{';
      for (int64_t i = 0; i < column.n_children; ++i) {
        if (i > 0) text.append(", ");
        write_value(*column.children[i], row, text);
      }
      text += '}';
      return;
    }
    default: {
      const std::string indent(width_ + 2, ' ');
      append_visible(text, AnyTextView(column)[row],
                     options_.layout == Layout::kBlock ? &indent : nullptr);
    }
  }
}

void Pretty::write_row(int64_t row, bool delimited, std::string& text) {
  const bool block = options_.layout == Layout::kBlock;
  bool first = true;
  for (const Leaf& leaf : leaves_) {
    const bool is_null = Validity(*leaf.column).is_null(row);
    if (is_null && options_.nulls == Nulls::kOmit) continue;
    if (!first) text.append(block ? "\n" : "  ");
    first = false;
    text.append(leaf.label);
    const std::string_view color = !colored_ ? ""
                                   : is_null ? kNullColor
                                             : color_of(leaf.column->type);
    text.append(color);
    write_value(*leaf.column, row, text);
    if (!color.empty()) text.append(kReset);
  }
  if (delimited) text.append(block ? "\n\n" : "\n");
}

void Pretty::encode(const Batch& in, bool delimited, Output& out) {
  if (&in.schema() != schema_.get()) {
    schema_ = Reference<const flow_schema>::share(&in.schema());
    plan(in.schema());
  }
  for (Leaf& leaf : leaves_) {
    leaf.column = in.follow(leaf.path);
    if (leaf.path.type != FLOW_JSON) continue;
    leaf.converted = text_of_json(out, *leaf.column);
    leaf.column = leaf.converted.get();
  }
  std::vector<size_t> ends;
  for (int64_t first = 0; first < in.rows();) {
    plain_.clear();
    ends.clear();
    int64_t row = first;
    for (; row < in.rows() && static_cast<int64_t>(plain_.size()) < kCutBytes; ++row) {
      write_row(row, delimited, plain_);
      ends.push_back(plain_.size());
    }
    if (plain_.size() > INT32_MAX) {
      throw Failure("pretty: a row of more than a gigabyte; drop the field that makes it so");
    }
    const Buffer bytes = out.allocate(static_cast<int64_t>(plain_.size()));
    if (!plain_.empty()) std::memcpy(bytes->data, plain_.data(), plain_.size());
    TextBuilder views(out, row - first, FLOW_BINARY);
    const int32_t number = views.share(bytes);
    const auto* const base = static_cast<const char*>(bytes->data);
    size_t begin = 0;
    for (const size_t end : ends) {
      views.append_shared({base + begin, end - begin}, number, base);
      begin = end;
    }
    const Batch source = row - first == in.rows() ? in : out.slice(in, first, row - first);
    out.emit(
        out.make(row - first, {{"bytes", {views.finish(), Type::binary()}}}, &source.origin()));
    first = row;
  }
}

}  // namespace flow::operators
