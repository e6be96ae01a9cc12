// Interned schemas: equal field lists give the same pointer, for as long as anybody holds it.
#pragma once

#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "flow/host/memory.hpp"

namespace flow::host {

// The Arrow format string of a type; of a category: of its codes.
inline const char* arrow_format(flow_type type) {
  switch (type) {
    case FLOW_BOOL:
      return "b";
    case FLOW_INT64:
      return "l";
    case FLOW_FLOAT64:
      return "g";
    case FLOW_TIMESTAMP:
      return "tsn:UTC";
    case FLOW_TEXT:
      return "vu";
    case FLOW_BINARY:
      return "vz";
    case FLOW_CATEGORY:
      return "i";
    case FLOW_STRUCT:
      return "+s";
    case FLOW_LIST:
      return "+l";
    case FLOW_JSON:
      return "vu";
    default:
      return nullptr;
  }
}

// A deep copy of a flow_field with its Arrow twin. Lives in the schema that owns it.
class Field final : public flow_field {
 public:
  explicit Field(const flow_field& other) : flow_field{}, name_(other.name) {
    size = sizeof(flow_field);
    type = other.type;
    name = name_.c_str();
    for (uint32_t i = 0; i < other.n_children; ++i) {
      children_.push_back(std::make_unique<Field>(*other.children[i]));
      child_pointers_.push_back(children_.back().get());
      arrow_children_.push_back(&children_.back()->arrow);
    }
    children = child_pointers_.data();
    n_children = other.n_children;
    arrow.format = arrow_format(type);
    arrow.name = name;
    arrow.flags = ARROW_FLAG_NULLABLE;
    arrow.n_children = n_children;
    arrow.children = arrow_children_.data();
    arrow.release = [](ArrowSchema*) {};
    if (type == FLOW_CATEGORY) {
      dictionary_.format = "vu";
      dictionary_.name = "";
      dictionary_.release = [](ArrowSchema*) {};
      arrow.dictionary = &dictionary_;
    }
    if (type == FLOW_JSON) {
      arrow.metadata = json_extension_metadata();
    }
  }
  Field(const Field&) = delete;
  Field& operator=(const Field&) = delete;

  ArrowSchema arrow{};

 private:
  // One pair, in the specification's encoding: int32 count, then length-prefixed key and value.
  static const char* json_extension_metadata() {
    static const std::string kEncoded = [] {
      std::string bytes;
      const auto number = [&](int32_t value) {
        bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
      };
      const auto text = [&](const std::string& value) {
        number(static_cast<int32_t>(value.size()));
        bytes += value;
      };
      number(1);
      text("ARROW:extension:name");
      text("arrow.json");
      return bytes;
    }();
    return kEncoded.data();
  }

  std::string name_;
  std::vector<std::unique_ptr<Field>> children_;
  std::vector<const flow_field*> child_pointers_;
  std::vector<ArrowSchema*> arrow_children_;
  ArrowSchema dictionary_{};
};

class Schema final : public Counted<Schema, flow_schema> {
 public:
  // NULL if two fields have the same name or a type is unknown. Thread-safe.
  static const flow_schema* intern(const flow_field* const* fields, uint32_t n_fields) {
    std::unordered_set<std::string> names;
    std::string key;
    for (uint32_t i = 0; i < n_fields; ++i) {
      if (!names.insert(fields[i]->name).second || !append_key(*fields[i], key)) {
        return nullptr;
      }
    }
    Table& table = Schema::table();
    const std::lock_guard lock(table.mutex);
    if (const auto found = table.schemas.find(key); found != table.schemas.end()) {
      retain(found->second);
      return found->second;
    }
    auto* schema = new Schema(fields, n_fields, key);
    table.schemas.emplace(std::move(key), schema);
    return schema;
  }

  // The last release takes the table's lock, so that intern never revives a schema on its way out.
  static void release(const flow_schema* schema) {
    if (release_unless_last(schema)) return;
    Table& table = Schema::table();
    const std::lock_guard lock(table.mutex);
    Counted::release(schema);
  }

  static void destroy(Schema* schema) {
    table().schemas.erase(schema->key_);
    delete schema;
  }

 private:
  struct Table {
    std::mutex mutex;
    std::unordered_map<std::string, Schema*> schemas;
  };
  // Never destroyed: batches may outlive static objects.
  static Table& table() {
    static auto* table = new Table;
    return *table;
  }

  static bool append_key(const flow_field& field, std::string& key) {
    if (arrow_format(field.type) == nullptr) {
      return false;
    }
    key += static_cast<char>(field.type);
    key += field.name;
    key += '\0';
    key.append(reinterpret_cast<const char*>(&field.n_children), sizeof field.n_children);
    for (uint32_t i = 0; i < field.n_children; ++i) {
      if (!append_key(*field.children[i], key)) {
        return false;
      }
    }
    return true;
  }

  Schema(const flow_field* const* source, uint32_t count, std::string key) : key_(std::move(key)) {
    object.release = [](const flow_object* object) {
      release(reinterpret_cast<const flow_schema*>(object));
    };
    for (uint32_t i = 0; i < count; ++i) {
      fields_.push_back(std::make_unique<Field>(*source[i]));
      field_pointers_.push_back(fields_.back().get());
      arrow_children_.push_back(&fields_.back()->arrow);
    }
    n_fields = count;
    fields = field_pointers_.data();
    arrow_.format = "+s";
    arrow_.name = "";
    arrow_.n_children = count;
    arrow_.children = arrow_children_.data();
    arrow_.release = [](ArrowSchema*) {};
    arrow = &arrow_;
  }

  std::string key_;
  std::vector<std::unique_ptr<Field>> fields_;
  std::vector<const flow_field*> field_pointers_;
  std::vector<ArrowSchema*> arrow_children_;
  ArrowSchema arrow_{};
};

}  // namespace flow::host
