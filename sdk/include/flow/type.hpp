// Logical types, as a plugin spells them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flow/abi.h"

namespace flow {

// A logical type with what it nests. Cheap to copy.
class Type {
 public:
  static Type boolean() { return Type(FLOW_BOOL); }
  static Type int64() { return Type(FLOW_INT64); }
  static Type float64() { return Type(FLOW_FLOAT64); }
  static Type timestamp() { return Type(FLOW_TIMESTAMP); }
  static Type text() { return Type(FLOW_TEXT); }
  static Type binary() { return Type(FLOW_BINARY); }
  static Type category() { return Type(FLOW_CATEGORY); }
  static Type json() { return Type(FLOW_JSON); }
  static Type structure(std::vector<std::pair<std::string, Type>> fields) {
    Type type(FLOW_STRUCT);
    type.children_ = std::make_shared<const Children>(std::move(fields));
    return type;
  }
  static Type list(Type element) {
    Type type(FLOW_LIST);
    type.children_ = std::make_shared<const Children>(Children{{"item", std::move(element)}});
    return type;
  }
  // A type that nests nothing.
  static Type of(flow_type id) { return Type(id); }
  static Type of(const flow_field& field) {
    Type type(field.type);
    if (field.n_children > 0) {
      Children children;
      for (uint32_t i = 0; i < field.n_children; ++i) {
        children.emplace_back(field.children[i]->name, of(*field.children[i]));
      }
      type.children_ = std::make_shared<const Children>(std::move(children));
    }
    return type;
  }

  flow_type id() const { return id_; }
  // Struct: name and type of each field. List: one, named "item". Others: none.
  const std::vector<std::pair<std::string, Type>>& children() const {
    static const Children kNone;
    return children_ ? *children_ : kNone;
  }
  bool operator==(const Type& other) const {
    return id_ == other.id_ && children() == other.children();
  }

 private:
  using Children = std::vector<std::pair<std::string, Type>>;
  explicit Type(flow_type id) : id_(id) {}

  flow_type id_;
  std::shared_ptr<const Children> children_;
};

// "text", "float64", ...: as messages and reference pages name a type.
inline std::string_view type_name(flow_type type) {
  switch (type) {
    case FLOW_BOOL:
      return "bool";
    case FLOW_INT64:
      return "int64";
    case FLOW_FLOAT64:
      return "float64";
    case FLOW_TIMESTAMP:
      return "timestamp";
    case FLOW_TEXT:
      return "text";
    case FLOW_BINARY:
      return "binary";
    case FLOW_CATEGORY:
      return "category";
    case FLOW_STRUCT:
      return "struct";
    case FLOW_LIST:
      return "list";
    case FLOW_JSON:
      return "json";
    default:
      return "unknown";
  }
}

namespace detail {

// The flow_field tree of one named type, for calls that borrow it.
class FieldTree {
 public:
  FieldTree(std::string name, const Type& type) : name_(std::move(name)) {
    for (const auto& [child_name, child_type] : type.children()) {
      children_.push_back(std::make_unique<FieldTree>(child_name, child_type));
      pointers_.push_back(&children_.back()->field_);
    }
    field_ = {.size = sizeof(flow_field),
              .type = type.id(),
              .name = name_.c_str(),
              .children = pointers_.data(),
              .n_children = static_cast<uint32_t>(pointers_.size())};
  }
  FieldTree(const FieldTree&) = delete;
  FieldTree& operator=(const FieldTree&) = delete;
  const flow_field* get() const { return &field_; }

 private:
  std::string name_;
  std::vector<std::unique_ptr<FieldTree>> children_;
  std::vector<const flow_field*> pointers_;
  flow_field field_;
};

}  // namespace detail
}  // namespace flow
