// One operator under test: push rows, pull rows, turn the clock, read the counters.
//
//   auto harness = Harness::of<Threshold>({{"field", "celsius"}, {"min", 30.0}});
//   harness.push({{"celsius", {12.0, 31.5}}});
//   EXPECT_EQ(harness.pull(), (Table{{"celsius", {31.5}}}));
//   EXPECT_EQ(harness.dropped("below the threshold"), 1);
#pragma once

#include <dlfcn.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "flow/plugin.hpp"
#include "flow/testing/host.hpp"

namespace flow::testing {

// The value of an option, as a pipeline file would give it. Durations and sizes: integers, in
// nanoseconds and bytes.
class Setting {
 public:
  Setting(bool value) { set(FLOW_OPTION_BOOL, value ? 1 : 0); }
  Setting(int value) { set(FLOW_OPTION_INT, value); }
  Setting(int64_t value) { set(FLOW_OPTION_INT, value); }
  Setting(long long value) { set(FLOW_OPTION_INT, value); }
  Setting(double value) {
    set(FLOW_OPTION_FLOAT, 0);
    value_.number = value;
  }
  Setting(const char* value) : Setting(std::string(value)) {}
  Setting(std::string value) {
    set(FLOW_OPTION_TEXT, 0);
    value_.text = std::move(value);
  }
  Setting(const std::vector<std::string>& items) {
    set(FLOW_OPTION_LIST, 0);
    for (const std::string& item : items) value_.items.emplace_back("", Setting(item).value_);
  }
  static Setting table(const std::vector<std::pair<std::string, Setting>>& items) {
    Setting setting(0);
    setting.set(FLOW_OPTION_TABLE, 0);
    for (const auto& [name, item] : items) setting.value_.items.emplace_back(name, item.value_);
    return setting;
  }
  const Value& value() const { return value_; }

 private:
  void set(flow_option_type type, int64_t integer) {
    value_.type = type;
    value_.integer = integer;
    value_.number = static_cast<double>(integer);
  }
  Value value_;
};
using Settings = std::vector<std::pair<std::string, Setting>>;

// A flow_value tree that owns what it points to.
class OwnedValue {
 public:
  explicit OwnedValue(const Value& value) : text_(value.text), place_(value.place) {
    for (const auto& [name, item] : value.items) {
      names_.push_back(name);
      items_.push_back(std::make_unique<OwnedValue>(item));
    }
    for (size_t i = 0; i < items_.size(); ++i) {
      name_pointers_.push_back(names_[i].c_str());
      item_pointers_.push_back(items_[i]->get());
    }
    value_ = {.size = sizeof(flow_value),
              .type = value.type,
              .integer = value.integer,
              .number = value.number,
              .text = text_.c_str(),
              .items = item_pointers_.data(),
              .names = value.type == FLOW_OPTION_TABLE ? name_pointers_.data() : nullptr,
              .n_items = items_.size(),
              .place = place_.empty() ? nullptr : place_.c_str()};
  }
  OwnedValue(const OwnedValue&) = delete;
  OwnedValue& operator=(const OwnedValue&) = delete;
  const flow_value* get() const { return &value_; }

 private:
  std::string text_, place_;
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<OwnedValue>> items_;
  std::vector<const char*> name_pointers_;
  std::vector<const flow_value*> item_pointers_;
  flow_value value_{};
};

class Harness {
 public:
  // An operator class compiled into the test. Throws std::runtime_error with the operator's own
  // words if it refuses.
  template <class T>
  static Harness of(const Settings& settings = {}, flow_role role = FLOW_ROLE_NONE) {
    static const flow_plugin plugin = flow::detail::make_plugin<T>("test", "0", "none");
    return Harness(plugin, plugin.operators[0]->name, settings, role);
  }
  // The first operator of that name in a library. It is never unloaded.
  static Harness load(const std::string& library, const std::string& name,
                      const Settings& settings = {}, flow_role role = FLOW_ROLE_NONE) {
    void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) throw std::runtime_error(dlerror());
    const auto* plugin = static_cast<const flow_plugin*>(dlsym(handle, FLOW_PLUGIN_ENTRY));
    if (plugin == nullptr) throw std::runtime_error(library + " exports no " FLOW_PLUGIN_ENTRY);
    return Harness(*plugin, name, settings, role);
  }

  Harness(const flow_plugin& plugin, const std::string& name, const Settings& settings,
          flow_role role)
      : descriptor_(find(plugin, name)), parts_(std::make_unique<Parts>(descriptor_->n_outputs)) {
    std::vector<std::unique_ptr<OwnedValue>> owned;
    std::vector<const flow_value*> values(descriptor_->n_options, nullptr);
    for (const auto& [option, setting] : settings) {
      uint32_t index = 0;
      while (index < descriptor_->n_options && option != descriptor_->options[index]->name) ++index;
      if (index == descriptor_->n_options) {
        throw std::invalid_argument(name + " has no option '" + option + "'");
      }
      owned.push_back(std::make_unique<OwnedValue>(setting.value()));
      values[index] = owned.back()->get();
    }
    Parts& parts = *parts_;
    parts.component = plugin.create(parts.host.abi(), descriptor_, values.data());
    if (parts.component == nullptr) throw std::runtime_error(parts.host.error);
    parts.op = parts.component->instance(parts.component, parts.host.abi(), role);
    if (parts.op == nullptr) throw std::runtime_error(parts.host.error);
    std::vector<const flow_schema*> schemas(descriptor_->n_inputs, nullptr);
    const flow_status opened =
        parts.op->open(parts.op, schemas.data(), static_cast<uint32_t>(schemas.size()));
    if (opened != FLOW_DONE) throw std::runtime_error(parts.host.error);
  }

  const flow_descriptor& descriptor() const { return *descriptor_; }
  TestHost& host() { return parts_->host; }
  flow_operator* op() { return parts_->op; }

  // ---- rows in ----

  // A batch of the table's rows. `records`: their original bytes, as a decoder would leave them.
  Batch batch(const Table& table, const std::vector<Cell>& records = {}) {
    const Host host = parts_->host.host();
    std::vector<TypedColumn> columns;
    std::vector<NewColumn> named;
    for (const TableColumn& column : table.columns) {
      columns.push_back({make_column(host, column.type, column.cells), column.type});
    }
    for (size_t i = 0; i < columns.size(); ++i) {
      named.push_back({table.columns[i].name, columns[i]});
    }
    flow_origin origin{};
    origin.size = sizeof origin;
    Column record;
    if (!records.empty()) {
      record = make_column(host, Type::binary(), records);
      origin.record = record.get();
      origin.source = "test";
      origin.partition = "test";
    }
    Output maker(parts_->host.abi());
    return maker.make(table.rows(), named, &origin);
  }
  // Processes a batch to the end, through FLOW_MORE if need be. Throws on FLOW_RETRY and FLOW_FAILED
  // with the operator's words.
  void push(const Batch& batch, uint32_t input = 0) {
    drive([&] { return parts_->op->process(parts_->op, input, batch.get()); });
  }
  void push(const Table& table, uint32_t input = 0) { push(batch(table), input); }
  // One call, whatever it answers.
  flow_status try_push(const Batch& batch, uint32_t input = 0) {
    parts_->host.start_call();
    return parts_->op->process(parts_->op, input, batch.get());
  }
  flow_status poll() {
    parts_->host.start_call();
    const flow_status status = parts_->op->poll(parts_->op);
    if (status == FLOW_FAILED || status == FLOW_RETRY) {
      throw std::runtime_error(parts_->host.error);
    }
    return status;
  }
  // Sources: assigns what was offered from its start, and polls until the end (or `polls` times).
  void run(int64_t polls = 1'000'000) {
    for (const std::string& partition : parts_->host.offered) assign(partition);
    parts_->host.offered.clear();
    while (polls-- > 0 && poll() != FLOW_END) {
    }
  }
  void assign(const std::string& partition, const std::string* position = nullptr) {
    expect_done(parts_->op->assign(parts_->op, partition.c_str(),
                                   position != nullptr ? position->data() : nullptr,
                                   position != nullptr ? static_cast<uint32_t>(position->size())
                                                       : 0));
  }
  void advance(int64_t watermark) {
    drive([&] { return parts_->op->advance(parts_->op, watermark); });
  }
  void close(bool drained = true) {
    parts_->host.start_call();
    expect_done(parts_->op->close(parts_->op, drained ? 1 : 0));
  }
  int64_t frame(std::string_view bytes, bool final = false) {
    return parts_->op->frame(parts_->op, bytes.data(), static_cast<int64_t>(bytes.size()),
                             final ? 1 : 0);
  }

  // ---- rows out ----

  // Everything emitted on a port since the last pull, as one table.
  Table pull(std::string_view port = "") {
    Table table;
    for (const Batch& batch : pull_batches(port)) table.append(read_table(batch));
    return table;
  }
  std::vector<Batch> pull_batches(std::string_view port = "") {
    return std::exchange(parts_->host.emitted[output(port)], {});
  }
  const std::vector<FailedRow>& failed() const { return parts_->host.failed; }
  int64_t dropped(const std::string& reason) const {
    const auto found = parts_->host.dropped.find(reason);
    return found == parts_->host.dropped.end() ? 0 : found->second;
  }
  double metric(const std::string& name) const {
    const auto found = parts_->host.metrics.find(name);
    return found == parts_->host.metrics.end() ? 0 : found->second;
  }
  void set_clock(int64_t nanoseconds) { parts_->host.clock = nanoseconds; }

 private:
  struct Parts {
    explicit Parts(uint32_t outputs) : host(outputs) {}
    Parts(const Parts&) = delete;
    Parts& operator=(const Parts&) = delete;
    ~Parts() {
      // What was emitted may lie in memory that only the host's account must outlive.
      if (op != nullptr) op->destroy(op);
      if (component != nullptr) component->destroy(component);
    }
    TestHost host;
    flow_component* component = nullptr;
    flow_operator* op = nullptr;
  };

  static const flow_descriptor* find(const flow_plugin& plugin, const std::string& name) {
    for (uint32_t i = 0; i < plugin.n_operators; ++i) {
      if (name == plugin.operators[i]->name) return plugin.operators[i];
    }
    throw std::invalid_argument("no operator '" + name + "' in plugin " + plugin.id);
  }
  uint32_t output(std::string_view name) const {
    if (name.empty()) return 0;
    for (uint32_t i = 0; i < descriptor_->n_outputs; ++i) {
      if (name == descriptor_->outputs[i]->name) return i;
    }
    throw std::invalid_argument("no output '" + std::string(name) + "'");
  }
  void expect_done(flow_status status) {
    if (status != FLOW_DONE) throw std::runtime_error(parts_->host.error);
  }
  template <class Call>
  void drive(Call call) {
    flow_status status = FLOW_MORE;
    while (status == FLOW_MORE) {
      parts_->host.start_call();
      status = call();
    }
    expect_done(status);
  }

  const flow_descriptor* descriptor_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace flow::testing
