// What an operator does with rows: pass on, create, drop, fail; and how it makes new batches.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flow/builder.hpp"
#include "flow/inference.hpp"

namespace flow {

// A column for a new batch.
struct NewColumn {
  std::string_view name;
  TypedColumn column;
};

// One an instance, for its whole life; not thread-safe. Every row of an input ends in exactly one
// of emit, drop, fail, late or absorb; rows that the operator makes itself go out with create.
class Output : public Host {
 public:
  explicit Output(const flow_host* host) : Host(host) {}

  // Rows of the input, passed on.
  void emit(const Batch& batch, uint32_t port = 0) { get()->emit(get(), port, batch.get(), 0); }
  // New rows: of a source, an aggregate, a list taken apart.
  void create(const Batch& batch, uint32_t port = 0) {
    get()->emit(get(), port, batch.get(), batch.rows());
  }
  // `created` of the rows are new, the others passed on.
  void emit_mixed(const Batch& batch, int64_t created, uint32_t port = 0) {
    get()->emit(get(), port, batch.get(), created);
  }
  // `reason`: a short fixed text, eg "condition false".
  void drop(int64_t rows, const char* reason) {
    if (rows > 0) get()->drop(get(), rows, reason);
  }
  // The row leaves by `errors`. `reason`: a short fixed word; `message`: for people.
  void fail(const Batch& batch, int64_t row, const char* reason, const std::string& message,
            bool retryable = false) {
    get()->fail(get(), batch.get(), row, reason, message.c_str(),
                retryable ? FLOW_FAIL_RETRYABLE : 0);
  }
  void late(const Batch& batch) { get()->late(get(), batch.get()); }
  // Rows that are now part of the operator's state.
  void absorb(int64_t rows) { get()->absorb(get(), rows); }
  // Batches that may be emitted before the operator should return Status::kMore; at least 1 at the
  // start of a call.
  int64_t room(uint32_t port = 0) const { return get()->room(get(), port); }

  // The batch with columns added, or replaced where the name is there already. Costs a reference
  // count for each untouched column.
  Batch with(const Batch& in, std::span<const NewColumn> columns) {
    const Derived& derived = derive(in, columns);
    std::vector<const flow_column*> all(derived.schema->n_fields);
    for (uint32_t i = 0; i < in.column_count(); ++i) all[i] = &in.column(i);
    for (size_t i = 0; i < columns.size(); ++i) {
      all[derived.places[i]] = columns[i].column.column.get();
    }
    return batch(derived.schema.get(), in.rows(), all.data(), &in.origin());
  }
  Batch with(const Batch& in, std::initializer_list<NewColumn> columns) {
    return with(in, std::span(columns.begin(), columns.size()));
  }

  // The columns of `in` named by index, in that order, under the given names.
  Batch pick(const Batch& in, std::span<const std::pair<uint32_t, std::string>> columns) {
    const flow_schema* schema = picked(in, columns);
    std::vector<const flow_column*> all;
    for (const auto& [index, name] : columns) all.push_back(&in.column(index));
    return batch(schema, in.rows(), all.data(), &in.origin());
  }

  // A batch of new columns only. `origin` NULL: rows made on the way.
  Batch make(int64_t rows, std::span<const NewColumn> columns, const flow_origin* origin) {
    const flow_schema* schema = made(columns);
    std::vector<const flow_column*> all;
    for (const NewColumn& column : columns) all.push_back(column.column.column.get());
    return batch(schema, rows, all.data(), origin);
  }
  Batch make(int64_t rows, std::initializer_list<NewColumn> columns, const flow_origin* origin) {
    return make(rows, std::span(columns.begin(), columns.size()), origin);
  }

 private:
  using Schema = Reference<const flow_schema>;
  // A schema worked out before: from which one, and by adding what.
  struct Derived {
    Schema from;
    std::vector<std::pair<std::string, Type>> added;
    Schema schema;
    std::vector<uint32_t> places;
  };
  struct Picked {
    Schema from;
    std::vector<std::pair<uint32_t, std::string>> columns;
    Schema schema;
  };
  // Schemas seldom change: more remembered ones than this means that they do, and starts over.
  static constexpr size_t kRemembered = 64;

  Batch batch(const flow_schema* schema, int64_t rows, const flow_column* const* columns,
              const flow_origin* origin) const {
    const flow_batch* made = get()->batch(get(), schema, rows, columns, origin);
    if (made == nullptr) throw std::bad_alloc();
    return Batch(Reference<const flow_batch>::adopt(made));
  }

  Schema intern(const Fields& columns) const {
    const flow_schema* schema = detail::schema_of(get(), columns);
    if (schema == nullptr) throw Failure("two columns of one batch have the same name");
    return Schema::adopt(schema);
  }

  static bool same(const std::vector<std::pair<std::string, Type>>& known,
                   std::span<const NewColumn> columns) {
    if (known.size() != columns.size()) return false;
    for (size_t i = 0; i < columns.size(); ++i) {
      if (known[i].first != columns[i].name || !(known[i].second == columns[i].column.type)) {
        return false;
      }
    }
    return true;
  }

  const Derived& derive(const Batch& in, std::span<const NewColumn> columns) {
    const flow_schema* from = &in.schema();
    for (const Derived& derived : derived_) {
      if (derived.from.get() == from && same(derived.added, columns)) return derived;
    }
    if (derived_.size() == kRemembered) derived_.clear();
    Derived derived;
    derived.from = Schema::share(from);
    std::vector<std::pair<std::string, Type>> all;
    for (uint32_t i = 0; i < from->n_fields; ++i) {
      all.emplace_back(from->fields[i]->name, Type::of(*from->fields[i]));
    }
    for (const NewColumn& column : columns) {
      derived.added.emplace_back(column.name, column.column.type);
      size_t place = 0;
      while (place < all.size() && all[place].first != column.name) ++place;
      if (place == all.size()) {
        all.push_back(derived.added.back());
      } else {
        all[place].second = column.column.type;
      }
      derived.places.push_back(static_cast<uint32_t>(place));
    }
    derived.schema = intern(all);
    derived_.push_back(std::move(derived));
    return derived_.back();
  }

  const flow_schema* picked(const Batch& in,
                            std::span<const std::pair<uint32_t, std::string>> columns) {
    const flow_schema* from = &in.schema();
    for (const Picked& known : picked_) {
      if (known.from.get() == from &&
          std::equal(known.columns.begin(), known.columns.end(), columns.begin(), columns.end())) {
        return known.schema.get();
      }
    }
    if (picked_.size() == kRemembered) picked_.clear();
    std::vector<std::pair<std::string, Type>> all;
    for (const auto& [index, name] : columns) {
      all.emplace_back(name, Type::of(*from->fields[index]));
    }
    picked_.push_back({Schema::share(from), {columns.begin(), columns.end()}, intern(all)});
    return picked_.back().schema.get();
  }

  const flow_schema* made(std::span<const NewColumn> columns) {
    for (const Derived& known : made_) {
      if (same(known.added, columns)) return known.schema.get();
    }
    if (made_.size() == kRemembered) made_.clear();
    Derived derived;
    for (const NewColumn& column : columns) {
      derived.added.emplace_back(column.name, column.column.type);
    }
    derived.schema = intern(derived.added);
    made_.push_back(std::move(derived));
    return made_.back().schema.get();
  }

  std::vector<Derived> derived_;
  std::vector<Derived> made_;
  std::vector<Picked> picked_;
};

}  // namespace flow
