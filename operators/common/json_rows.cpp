#include "operators/common/json_rows.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "flow/utf8.hpp"
#include "operators/common/json_scanner.hpp"
#include "operators/common/json_validate.hpp"
#include "operators/common/utf8_text.hpp"

namespace flow::operators {
namespace {

constexpr const char* kBadJson = "bad_json";
// The row is to be read again, counting.
constexpr const char* kCount = "count";

DeclaredField undeclared_field(const std::string& name) {
  return {.name = name, .type = FLOW_JSON, .format = {}, .categories = {}};
}

bool begins_with_null(const char* at, const char* end) {
  return end - at >= 4 && std::memcmp(at, "null", 4) == 0;
}

}  // namespace

JsonRows::Field::Field(DeclaredField declared, const std::string& below, std::string own_name,
                       uint32_t number)
    : name(std::move(own_name)), path(below + name), index(number), values(std::move(declared)) {
  const std::string text = json_quoted(name) + ":";
  if (text.size() == name.size() + 3 && text.size() <= opening.size()) {
    std::memcpy(opening.data(), text.data(), text.size());
    opening_size = static_cast<uint8_t>(text.size());
  }
}

inline bool JsonRows::Field::opens(const char* at) const {
#if defined(__SSE2__)
  const auto same = [&](size_t from) {
    return static_cast<uint32_t>(_mm_movemask_epi8(
        _mm_cmpeq_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at + from)),
                       _mm_loadu_si128(reinterpret_cast<const __m128i*>(opening.data() + from)))));
  };
  const uint64_t equal = same(0) | uint64_t{same(16)} << 16;
  const uint64_t wanted = (uint64_t{1} << opening_size) - 1;
  return (equal & wanted) == wanted && opening_size > 0;
#else
  return opening_size > 0 && std::memcmp(at, opening.data(), opening_size) == 0;
#endif
}

JsonRows::Field* JsonRows::Object::find(std::string_view name) {
  const auto known = by_name.find(name);
  return known != by_name.end() ? fields[known->second].get() : nullptr;
}

JsonRows::Field& JsonRows::Object::append(DeclaredField declared, const std::string& name) {
  const auto index = static_cast<uint32_t>(fields.size());
  fields.push_back(std::make_unique<Field>(std::move(declared), below, name, index));
  by_name.emplace(name, index);
  return *fields.back();
}

void JsonRows::Object::remove_last() {
  by_name.erase(fields.back()->name);
  fields.pop_back();
}

bool JsonRows::Object::is_present(int64_t row) const {
  return (present[static_cast<size_t>(row >> 3)] >> (row & 7) & 1) != 0;
}

void JsonRows::Object::set_present(int64_t row, bool value) {
  uint8_t& byte = present[static_cast<size_t>(row >> 3)];
  const auto mask = static_cast<uint8_t>(1U << (row & 7));
  byte = static_cast<uint8_t>(value ? byte | mask : byte & ~mask);
}

JsonRows::JsonRows(const DeclaredSchema& schema, Undeclared undeclared, int64_t max_fields,
                   std::string_view where)
    : undeclared_(undeclared), max_fields_(max_fields), most_columns_(most_columns(max_fields)) {
  for (const DeclaredField& field : schema.fields()) declare(field, where);
  const auto declared = static_cast<int64_t>(schema.fields().size());
  if (declared > max_fields) {
    throw Failure(std::string(where) + " declares " + std::to_string(declared) +
                  " fields, max_fields is " + std::to_string(max_fields) + "; raise it");
  }
}

// Takes a dotted name apart: all parts but the last are objects.
void JsonRows::declare(const DeclaredField& declared, std::string_view where) {
  Object* object = &root_;
  std::string_view rest = declared.name;
  while (true) {
    const size_t dot = rest.find('.');
    const bool is_value = dot == std::string_view::npos;
    const std::string name(rest.substr(0, dot));
    Field* field = object->find(name);
    if (field != nullptr && (is_value || !field->object)) {
      throw Failure(std::string(where) + "." + declared.name +
                    ": declared both as a value and as an object");
    }
    if (field == nullptr) {
      field = &object->append(declared, name);
      object->declared = object->fields.size();
      field->is_met = true;
      field->counted = UINT64_MAX;
      if (!is_value) {
        field->object = std::make_unique<Object>();
        field->object->below = field->path + ".";
      }
    }
    if (is_value) return;
    object = field->object.get();
    rest.remove_prefix(dot + 1);
  }
}

Fields JsonRows::fields_of(const Object& object) const {
  Fields fields;
  for (size_t i = 0; i < object.declared; ++i) {
    const Field& field = *object.fields[i];
    if (!field.object) {
      fields.emplace_back(field.name, field.values.field().logical_type());
    } else if (!is_open()) {
      fields.emplace_back(field.name, Type::structure(fields_of(*field.object)));
    }
  }
  return fields;
}

// ---- a batch ----

void JsonRows::start(Host host, int64_t rows, const flow_column& texts) {
  host_ = host;
  texts_ = &texts;
  capacity_ = rows;
  row_ = 0;
  repaired_rows_ = 0;
  columns_ = 0;
  is_counting_ = false;
  if (remembered_ > most_columns_) {
    remembered_ = 0;
    forget_undeclared(root_);
  }
  start_object(root_, rows);
  declared_ = columns_;
}

void JsonRows::start_object(Object& object, int64_t rows) {
  for (const uint32_t index : object.met) object.fields[index]->is_met = false;
  object.met.clear();
  object.present.assign(static_cast<size_t>(rows / 8 + 1), 0);
  for (size_t i = 0; i < object.declared; ++i) {
    Field& field = *object.fields[i];
    if (field.object) {
      start_object(*field.object, rows);
    } else {
      field.values.start(host_, rows, texts_);
      ++columns_;
    }
  }
}

void JsonRows::forget_undeclared(Object& object) {
  object.met.clear();
  while (object.fields.size() > object.declared) object.remove_last();
  object.first = {};
  for (const std::unique_ptr<Field>& field : object.fields) {
    field->next = {};
    if (field->object) forget_undeclared(*field->object);
  }
}

// Makes every field of the row null.
void JsonRows::clear_row(Object& object) {
  object.set_present(row_, false);
  for (size_t i = 0; i < object.declared; ++i) {
    Field& field = *object.fields[i];
    if (field.object) {
      clear_row(*field.object);
    } else {
      field.values.put_null(row_);
    }
  }
  for (const uint32_t index : object.met) object.fields[index]->values.put_null(row_);
}

// Removes what the row under way has left.
void JsonRows::take_back() {
  for (; !brought_.empty(); brought_.pop_back()) {
    const Brought& last = brought_.back();
    Object& object = *last.object;
    object.fields[last.field]->is_met = false;
    object.met.pop_back();
    --columns_;
    if (!last.is_new) continue;
    object.remove_last();
    --remembered_;
  }
  clear_row(root_);
}

std::vector<NewColumn> JsonRows::finish_object(Object& object) {
  std::vector<NewColumn> columns;
  columns.reserve(object.declared + object.met.size());
  for (size_t i = 0; i < object.declared; ++i) {
    Field& field = *object.fields[i];
    if (!field.object) {
      columns.push_back({field.name, field.values.finish(row_)});
      continue;
    }
    StructBuilder builder(host_, row_);
    for (int64_t row = 0; row < row_; ++row) {
      if (!field.object->is_present(row)) builder.set_null(row);
    }
    std::vector<std::pair<std::string, Type>> types;
    for (NewColumn& child : finish_object(*field.object)) {
      types.emplace_back(child.name, child.column.type);
      builder.add(std::move(child.column.column));
    }
    columns.push_back({field.name, {builder.finish(), Type::structure(std::move(types))}});
  }
  for (const uint32_t index : object.met) {
    Field& field = *object.fields[index];
    columns.push_back({field.name, field.values.finish(row_)});
  }
  return columns;
}

std::vector<NewColumn> JsonRows::finish() { return finish_object(root_); }

// ---- a row ----

std::string_view JsonRows::pad(std::string_view text) {
  padded_.assign(text);
  padded_.append(kJsonPadding, ' ');
  return {padded_.data(), text.size()};
}

const char* JsonRows::add(std::string_view text, int32_t buffer) {
  if (row_ == capacity_) return kBatchFull;
  place_ = {};
  std::string_view padded = text;
  if (text.size() <= FLOW_VIEW_INLINE) {
    padded = pad(text);
  } else {
    const flow_buffer& bytes = *texts_->data[buffer];
    const auto* const base = static_cast<const char*>(bytes.data);
    const int64_t behind = base + bytes.capacity - (text.data() + text.size());
    if (behind < kJsonPadding) padded = pad(text);
    place_ = {.from = padded.data(),
              .buffer = buffer,
              .offset = static_cast<int32_t>(text.data() - base),
              .readable = true};
  }
  brought_.clear();
  const char* reason = read_and_count(padded);
  if ((reason != nullptr || traits_.beyond_ascii) &&
      !simdjson::validate_utf8(padded.data(), padded.size())) {
    take_back();
    repaired_.clear();
    append_repaired_utf8(text, repaired_);
    repaired_.append(kJsonPadding, ' ');
    place_ = {};
    text = std::string_view(repaired_).substr(0, repaired_.size() - kJsonPadding);
    reason = read_and_count(text);
    if (reason == nullptr) ++repaired_rows_;
  }
  if (reason != nullptr) {
    take_back();
    return reason;
  }
  ++row_;
  return nullptr;
}

// As read(), counting if need be.
const char* JsonRows::read_and_count(std::string_view text) {
  const char* const reason = read(text);
  if (reason != kCount) return reason;
  take_back();
  is_counting_ = true;
  return read(text);
}

// NULL, or the reason why the text is no row.
const char* JsonRows::read(std::string_view text) {
  end_ = text.data() + text.size();
  traits_ = {};
  reason_ = nullptr;
  counted_fields_ = declared_;
  ++readings_;
  const char* at = skip_json_space(text.data(), end_);
  if (at < end_ && *at == '{') {
    at = read_object(root_, at + 1, 0);
    if (at != nullptr && skip_json_space(at, end_) == end_) return nullptr;
  }
  // A text that is no JSON is that first of all.
  if (const std::optional<JsonError> error = find_json_error(text)) {
    message_ = "column " + std::to_string(error->offset + 1) + ": " + error->what;
    return kBadJson;
  }
  if (reason_ != nullptr) return reason_;
  message_ = "column 1: this is no object but " + beginning(text);
  return kBadJson;
}

const char* JsonRows::read_object(Object& object, const char* at, int depth) {
  at = skip_json_space(at, end_);
  if (at < end_ && *at == '}') return at + 1;
  std::array<uint32_t, 2>* expected = &object.first;
  while (at < end_) {
    Field* field = nullptr;
    for (const uint32_t index : *expected) {
      if (index >= object.fields.size()) continue;
      Field& likely = *object.fields[index];
      if ((likely.is_met || likely.is_dropped) && likely.opens(at)) {
        field = &likely;
        at += field->opening_size;
        break;
      }
    }
    if (field == nullptr) {
      at = read_name(object, at, field);
      if (at == nullptr) return nullptr;
      if (field != nullptr) *expected = {field->index, expected->front()};
    }
    if (is_counting_ && field != nullptr && !count(*field)) return nullptr;
    at = skip_json_space(at, end_);
    at = field != nullptr && !field->is_dropped ? read_value(*field, at, depth)
                                                : skip_json_value(at, end_, traits_, depth + 1);
    if (at == nullptr) return nullptr;
    at = skip_json_space(at, end_);
    if (at >= end_) return nullptr;
    if (*at == '}') return at + 1;
    if (*at != ',') return nullptr;
    at = skip_json_space(at + 1, end_);
    if (field != nullptr) expected = &field->next;
  }
  return nullptr;
}

// A field's name and the colon. `field` NULL: nobody wants it.
const char* JsonRows::read_name(Object& object, const char* at, Field*& field) {
  if (*at != '"') return nullptr;
  JsonTraits traits;
  const char* const behind = skip_json_string(at + 1, end_, traits);
  if (behind == nullptr) return nullptr;
  traits_.beyond_ascii |= traits.beyond_ascii;
  std::string_view key(at + 1, static_cast<size_t>(behind - at - 2));
  if (traits.escaped) {
    unescape_json(key, key_);
    key = key_;
    if (key.find('\0') != std::string_view::npos) {
      message_ = "a field name contains a NUL character";
      reason_ = kBadJson;
      return nullptr;
    }
  }
  at = skip_json_space(behind, end_);
  if (at >= end_ || *at != ':') return nullptr;
  field = field_of(object, key);
  return field == nullptr && reason_ != nullptr ? nullptr : at + 1;
}

JsonRows::Field* JsonRows::field_of(Object& object, std::string_view key) {
  Field* field = object.find(key);
  if (field != nullptr && field->is_met) return field;
  if (undeclared_ == Undeclared::kDrop) return dropped(object, field, key);
  if (columns_ >= max_fields_) {
    if (!is_counting_) {
      reason_ = kCount;
      return nullptr;
    }
    if (counted_fields_ >= max_fields_) {
      refuse_name(key);
      return nullptr;
    }
    if (columns_ >= most_columns_) {
      reason_ = kBatchFull;
      return nullptr;
    }
  }
  const bool is_new = field == nullptr;
  if (is_new) {
    const std::string name(key);
    field = &object.append(undeclared_field(name), name);
    ++remembered_;
  }
  field->values.start(host_, capacity_, texts_);
  field->is_met = true;
  object.met.push_back(field->index);
  ++columns_;
  brought_.push_back({&object, field->index, is_new});
  return field;
}

// What is dropped is remembered for its name only, so that it is passed quickly. Not names beyond
// ASCII: they may turn out to be invalid.
JsonRows::Field* JsonRows::dropped(Object& object, Field* known, std::string_view key) {
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (known != nullptr || remembered_ > most_columns_ ||
      !std::all_of(key.begin(), key.end(), is_ascii)) {
    return known;
  }
  const std::string name(key);
  Field& field = object.append(undeclared_field(name), name);
  field.is_dropped = true;
  ++remembered_;
  return &field;
}

// Whether the row may have this field, too.
bool JsonRows::count(Field& field) {
  if (field.counted >= readings_) return true;
  if (counted_fields_ >= max_fields_) {
    refuse_name(field.name);
    return false;
  }
  field.counted = readings_;
  ++counted_fields_;
  return true;
}

void JsonRows::refuse_name(std::string_view name) {
  message_ = "field '" + beginning(name) + "' would be number " + std::to_string(max_fields_ + 1) +
             " of the row, max_fields is " + std::to_string(max_fields_) +
             "; raise it, or send data under one field as an object";
  reason_ = "too_many_fields";
}

const char* JsonRows::refuse_type(const Field& field, std::string_view token) {
  message_ = "field '" + beginning(field.path) + "': " + beginning(token) + " is no " +
             std::string(field.object ? "object" : type_name(field.values.field().type));
  reason_ = "bad_type";
  return nullptr;
}

const char* JsonRows::read_value(Field& field, const char* at, int depth) {
  if (at >= end_) return nullptr;
  if (field.object) return read_nested(field, at, depth);
  switch (*at) {
    case '"':
      return read_string(field, at);
    case 'n':
      if (!begins_with_null(at, end_)) return nullptr;
      field.values.put_null(row_);
      return at + 4;
    case 't':
    case 'f':
    case '{':
    case '[':
      return take_token(field, at, skip_json_value(at, end_, traits_, depth + 1));
    default:
      return read_number(field, at);
  }
}

inline const char* JsonRows::read_string(Field& field, const char* at) {
  JsonTraits traits;
  const char* const stop = skip_json_string(at + 1, end_, traits);
  if (stop == nullptr) return nullptr;
  traits_.beyond_ascii |= traits.beyond_ascii;
  const std::string_view token(at, static_cast<size_t>(stop - at));
  const std::string_view inside = token.substr(1, token.size() - 2);
  const flow_type type = field.values.field().type;
  if (type == FLOW_JSON) {
    field.values.put_text(row_, token, place_);
  } else if (traits.escaped) {
    unescape_json(inside, scratch_);
    if (!field.values.put(row_, scratch_)) return refuse_type(field, token);
  } else if (type == FLOW_TEXT || type == FLOW_CATEGORY) {
    field.values.put_text(row_, inside, place_);
  } else if (!field.values.put(row_, inside)) {
    return refuse_type(field, token);
  }
  return stop;
}

inline const char* JsonRows::read_number(Field& field, const char* at) {
  JsonNumber number;
  const char* const stop = skip_json_number(at, end_, number);
  if (stop == nullptr) return nullptr;
  const flow_type type = field.values.field().type;
  int64_t integer = 0;
  double real = 0;
  if (type == FLOW_INT64 && number.integer(integer)) {
    field.values.put_int64(row_, integer);
    return stop;
  }
  if (type == FLOW_FLOAT64 && number.real(real)) {
    field.values.put_float64(row_, real);
    return stop;
  }
  if (type == FLOW_TIMESTAMP && !field.values.field().format) {
    const std::string_view token(at, static_cast<size_t>(stop - at));
    const std::optional<int64_t> value = json_timestamp(token);
    if (!value) return refuse_type(field, token);
    field.values.put_int64(row_, *value);
    return stop;
  }
  return take_token(field, at, stop);
}

const char* JsonRows::read_nested(Field& field, const char* at, int depth) {
  Object& object = *field.object;
  // The last of several fields with one name counts.
  if (object.is_present(row_)) clear_row(object);
  if (begins_with_null(at, end_)) return at + 4;
  if (*at != '{') {
    const char* const stop = skip_json_value(at, end_, traits_, depth + 1);
    if (stop == nullptr) return nullptr;
    return refuse_type(field, {at, static_cast<size_t>(stop - at)});
  }
  if (depth >= kMostJsonDepth) return nullptr;
  object.set_present(row_, true);
  return read_object(object, at + 1, depth + 1);
}

// A value as it is written, from `at` to `stop`.
const char* JsonRows::take_token(Field& field, const char* at, const char* stop) {
  if (stop == nullptr) return nullptr;
  const std::string_view token(at, static_cast<size_t>(stop - at));
  const flow_type type = field.values.field().type;
  if (type == FLOW_JSON || type == FLOW_TEXT || type == FLOW_CATEGORY) {
    field.values.put_text(row_, token, place_);
    return stop;
  }
  return field.values.put(row_, token) ? stop : refuse_type(field, token);
}

}  // namespace flow::operators
