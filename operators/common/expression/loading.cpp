#include "operators/common/expression/loading.hpp"

namespace flow::operators {
namespace {

constexpr uint64_t kOnes = 0x0101010101010101;

// `n` bits from number `offset` on as bytes 0 or 1, turned over if `flip`.
void unpack_bits(const uint8_t* bits, int64_t offset, int64_t n, bool flip, uint8_t* out) {
  const uint64_t flipped = flip ? kOnes : 0;
  int64_t i = 0;
  if ((offset & 7) == 0) {
    const uint8_t* byte = bits + (offset >> 3);
    for (; i + 8 <= n; i += 8) {
      // Each byte keeps one bit, which the sum then carries to its top.
      const uint64_t spread = (*byte++ * kOnes) & 0x8040201008040201;
      const uint64_t ones = ((spread + 0x7f7f7f7f7f7f7f7f) >> 7 & kOnes) ^ flipped;
      std::memcpy(out + i, &ones, sizeof ones);
    }
  }
  for (; i < n; ++i) {
    out[i] = static_cast<uint8_t>(detail::bit(bits, offset + i) != flip ? 1 : 0);
  }
}

void load_texts(const TextView& texts, int64_t rows, std::string_view* out) {
  for (int64_t row = 0; row < rows; ++row) out[row] = texts[row];
}

}  // namespace

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return "a bool";
    case Kind::kInt:
      return "an int";
    case Kind::kFloat:
      return "a float";
    case Kind::kTimestamp:
      return "a timestamp";
    case Kind::kText:
      return "a text";
    case Kind::kBinary:
      return "binary";
    case Kind::kJson:
      return "a JSON token";
    default:
      return "a struct or list";
  }
}

Kind kind_of(flow_type type) {
  switch (type) {
    case FLOW_BOOL:
      return Kind::kBool;
    case FLOW_INT64:
      return Kind::kInt;
    case FLOW_FLOAT64:
      return Kind::kFloat;
    case FLOW_TIMESTAMP:
      return Kind::kTimestamp;
    case FLOW_TEXT:
    case FLOW_CATEGORY:
      return Kind::kText;
    case FLOW_BINARY:
      return Kind::kBinary;
    case FLOW_JSON:
      return Kind::kJson;
    default:
      return Kind::kNested;
  }
}

void load_column(const flow_column& column, Vector& out) {
  const int64_t rows = column.array->length;
  out.constant = false;
  out.nulls = nullptr;
  if (column.array->null_count != 0) {
    auto* const nulls = out.null_memory.take<uint8_t>(rows);
    unpack_bits(static_cast<const uint8_t*>(column.array->buffers[0]), column.array->offset, rows,
                true, nulls);
    out.nulls = nulls;
  }
  switch (column.type) {
    case FLOW_BOOL: {
      auto* const values = out.write<uint8_t>(rows);
      unpack_bits(static_cast<const uint8_t*>(column.array->buffers[1]), column.array->offset, rows,
                  false, values);
      if (out.nulls != nullptr) {
        for (int64_t row = 0; row < rows; ++row) values[row] &= out.nulls[row] ^ 1U;
      }
      return;
    }
    case FLOW_INT64:
    case FLOW_TIMESTAMP:
      out.values = Int64View(column).data();
      return;
    case FLOW_FLOAT64:
      out.values = Float64View(column).data();
      return;
    case FLOW_TEXT:
    case FLOW_BINARY:
      load_texts(TextView(column), rows, out.write<std::string_view>(rows));
      return;
    case FLOW_JSON: {
      const TextView tokens(column);
      load_texts(tokens, rows, out.write<std::string_view>(rows));
      // The token null is no value.
      uint8_t* nulls = nullptr;
      for (int64_t row = 0; row < rows; ++row) {
        const std::string_view token = tokens[row];
        if (!token.empty() && token != "null") continue;
        if (nulls == nullptr) {
          nulls = out.null_memory.take<uint8_t>(rows);
          if (out.nulls == nullptr) std::memset(nulls, 0, static_cast<size_t>(rows));
          out.nulls = nulls;
        }
        nulls[row] = 1;
      }
      return;
    }
    default:
      return;
  }
}

void load_dictionary(const flow_column& dictionary, Vector& out) {
  const TextView texts(dictionary);
  const int64_t entries = texts.size();
  auto* const values = out.write<std::string_view>(entries + 1);
  auto* const nulls = out.null_memory.take<uint8_t>(entries + 1);
  load_texts(texts, entries, values);
  for (int64_t entry = 0; entry < entries; ++entry) nulls[entry] = texts.is_null(entry) ? 1 : 0;
  values[entries] = {};
  nulls[entries] = 1;
  out.nulls = nulls;
}

}  // namespace flow::operators
