// JSON objects to the columns of a batch, a row each: what the codec json and parse_json share.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "flow/inference.hpp"
#include "flow/output.hpp"
#include "operators/common/batch_width.hpp"
#include "operators/common/declared_schema.hpp"
#include "operators/common/json_walk.hpp"
#include "operators/common/text_hash.hpp"
#include "operators/common/typed_column.hpp"

namespace flow::operators {

// What becomes of the fields that a schema does not declare.
enum class Undeclared { kKeep, kDrop };

// Builds the columns of one batch after the other. Declared fields come first, in their order and
// whether they occur or not; others are JSON tokens as they were written, in the order in which the
// batch meets them. Fields declared below an object make a struct, in which the same holds. A null
// and an absent field are the same; of a repeated field the last counts.
//
// Objects of a stream tend to have the same fields in the same order, which is remembered: then a
// name costs one comparison of 32 bytes. Texts are views of the bytes that were read, but for those
// with escapes. One an instance.
class JsonRows {
 public:
  // `max_fields`: the most fields of a row, counting all declared ones and the names of others that
  // it has, of null too; not those that are dropped. Throws Failure if a field is declared both as
  // a value and as an object, or if more are declared than that. `where`: as for DeclaredSchema.
  JsonRows(const DeclaredSchema& schema, Undeclared undeclared, int64_t max_fields,
           std::string_view where);

  // The columns that every batch has. An object to whose fields undeclared ones may come is left
  // out.
  Fields certain_fields() const { return fields_of(root_); }
  // Whether batches may have columns beside those.
  bool is_open() const { return undeclared_ == Undeclared::kKeep; }

  // Begins a batch of up to `rows` rows. Texts lie in the buffers of `texts`, which lives until
  // finish().
  void start(Host host, int64_t rows, const flow_column& texts);

  // One more row; `text` lies in buffer number `buffer`, if it has more than FLOW_VIEW_INLINE
  // bytes. NULL: it is a row. Else the reason why not (bad_json, bad_type, too_many_fields) with a
  // text for people in message(), and the row has left nothing; or kBatchFull, and what is wrong
  // with a row never depends on the other rows. Invalid UTF-8 is repaired.
  const char* add(std::string_view text, int32_t buffer);
  const std::string& message() const { return message_; }
  int64_t rows() const { return row_; }
  int64_t repaired_rows() const { return repaired_rows_; }

  // The columns; their names live until the next start().
  std::vector<NewColumn> finish();

 private:
  struct Object;
  struct Field {
    // `below`: the object's path with its dot.
    Field(DeclaredField declared, const std::string& below, std::string own_name, uint32_t number);
    // Whether the text begins with this field's name as JSON usually has it: `"name":`.
    bool opens(const char* at) const;

    std::string name;
    std::string path;                // for messages
    uint32_t index;                  // in its object
    TypedColumnBuilder values;       // of no object
    std::unique_ptr<Object> object;  // declared as one
    std::array<char, 32> opening{};
    uint8_t opening_size = 0;        // 0: it is too long for that, or needs escapes
    bool is_met = false;             // in this batch; declared ones always are
    bool is_dropped = false;         // known by its name only
    uint64_t counted = 0;            // in which reading, if not declared
    std::array<uint32_t, 2> next{};  // what followed it lately, the last first
  };
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return text_hash(text); }
  };
  struct Object {
    std::string below;                           // of its fields' paths: "" or "location."
    std::vector<std::unique_ptr<Field>> fields;  // declared, then all others that are remembered
    size_t declared = 0;
    std::vector<uint32_t> met;  // the others of this batch
    std::unordered_map<std::string, uint32_t, TextHash, std::equal_to<>> by_name;
    std::array<uint32_t, 2> first{};  // fields that objects begin with
    std::vector<uint8_t> present;     // rows, a bit each

    Field* find(std::string_view name);
    Field& append(DeclaredField declared, const std::string& name);
    void remove_last();
    bool is_present(int64_t row) const;
    void set_present(int64_t row, bool value);
  };
  // A field that the row under way has brought.
  struct Brought {
    Object* object;
    uint32_t field;
    bool is_new;
  };

  Fields fields_of(const Object& object) const;
  void declare(const DeclaredField& field, std::string_view where);
  void start_object(Object& object, int64_t rows);
  void forget_undeclared(Object& object);
  void clear_row(Object& object);
  void take_back();
  std::vector<NewColumn> finish_object(Object& object);

  std::string_view pad(std::string_view text);
  const char* read(std::string_view text);
  const char* read_and_count(std::string_view text);
  // Each reads from `at` and returns the place behind; NULL: the row is refused.
  const char* read_object(Object& object, const char* at, int depth);
  const char* read_name(Object& object, const char* at, Field*& field);
  const char* read_value(Field& field, const char* at, int depth);
  const char* read_string(Field& field, const char* at);
  const char* read_number(Field& field, const char* at);
  const char* read_nested(Field& field, const char* at, int depth);
  const char* take_token(Field& field, const char* at, const char* stop);
  Field* field_of(Object& object, std::string_view key);
  Field* dropped(Object& object, Field* known, std::string_view key);
  bool count(Field& field);
  void refuse_name(std::string_view name);
  const char* refuse_type(const Field& field, std::string_view token);

  Undeclared undeclared_;
  int64_t max_fields_;
  int64_t most_columns_;
  Object root_;
  int64_t columns_ = 0;     // of values, in this batch
  int64_t declared_ = 0;    // of these
  int64_t remembered_ = 0;  // fields beyond the declared ones

  Host host_{nullptr};
  const flow_column* texts_ = nullptr;
  int64_t capacity_ = 0;
  int64_t row_ = 0;
  int64_t repaired_rows_ = 0;

  // Of the row under way:
  const char* end_ = nullptr;
  TextPlace place_;
  JsonTraits traits_;
  std::vector<Brought> brought_;
  // A batch of up to max_fields columns has no row of more fields. Only wider ones count.
  bool is_counting_ = false;
  int64_t counted_fields_ = 0;
  uint64_t readings_ = 0;
  const char* reason_ = nullptr;
  std::string message_;
  std::string padded_;
  std::string repaired_;
  std::string scratch_;
  std::string key_;
};

}  // namespace flow::operators
