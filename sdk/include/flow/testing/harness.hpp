// One operator under test: push rows, pull rows, turn the clock, read the counters.
//
//   auto harness = Harness::of<Threshold>({{"field", "celsius"}, {"min", 30.0}});
//   harness.push({{"celsius", {12.0, 31.5}}});
//   EXPECT_EQ(harness.pull(), (Table{{"celsius", {31.5}}}));
//   EXPECT_EQ(harness.dropped("below the threshold"), 1);
#pragma once

#include <dlfcn.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "flow/host/outputs.hpp"
#include "flow/plugin.hpp"
#include "flow/testing/host.hpp"
#include "flow/testing/settings.hpp"

namespace flow::testing {

// Options that are not set have their defaults, as in a pipeline. The operator's inputs named by a
// key option are hashed, so that a keyed operator sees every row of a batch as its own.
class Harness {
 public:
  // An operator class compiled into the test. Throws std::runtime_error with the operator's own
  // words if it refuses.
  template <class T>
  static Harness of(const Settings& settings = {}, flow_role role = FLOW_ROLE_NONE,
                    bool has_checkpoints = false) {
    static const flow_plugin kPlugin = flow::detail::make_plugin<T>("test", "0", "none");
    return Harness(kPlugin, kPlugin.operators[0]->name, settings, role, has_checkpoints);
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
          flow_role role, bool has_checkpoints = false)
      : Harness(plugin, *find(plugin, name), OptionValues(*find(plugin, name), settings), role,
                has_checkpoints) {}

  Harness(const flow_plugin& plugin, const flow_descriptor& offered, const OptionValues& values,
          flow_role role, bool has_checkpoints = false)
      : own_descriptor_(std::make_unique<host::ComponentDescriptor>(offered, values.data())),
        descriptor_(&own_descriptor_->get()),
        parts_(std::make_unique<Parts>(output_count(*descriptor_))) {
    find_keys(values);
    Parts& parts = *parts_;
    parts.host.checkpoints = has_checkpoints;
    parts.component = plugin.create(parts.host.abi(), &offered, values.data());
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
  flow_component* component() { return parts_->component; }

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
  // The batch with the event time of each row and the watermark of its partition as of that row, as
  // event_time leaves them.
  Batch timed(const Batch& batch, const std::vector<int64_t>& times,
              const std::vector<int64_t>& watermarks) {
    const Host host = parts_->host.host();
    const auto column = [&](const std::vector<int64_t>& values) {
      return make_column(host, Type::timestamp(), {values.begin(), values.end()});
    };
    const Column time = column(times);
    const Column watermark = column(watermarks);
    flow_origin origin = batch.origin();
    origin.size = sizeof origin;
    origin.event_time = time.get();
    origin.watermark = watermark.get();
    return Batch(Reference<const flow_batch>::adopt(parts_->host.abi()->batch(
        parts_->host.abi(), &batch.schema(), batch.rows(), batch.get()->columns, &origin)));
  }
  // Processes a batch to the end, through FLOW_MORE if need be. Throws on FLOW_RETRY and
  // FLOW_FAILED with the operator's words.
  void push(const Batch& batch, uint32_t input = 0) {
    hash_keys(batch, input);
    drive([&] { return parts_->op->process(parts_->op, input, batch.get()); });
  }
  void push(const Table& table, uint32_t input = 0) { push(batch(table), input); }
  // One call, whatever it answers.
  flow_status try_push(const Batch& batch, uint32_t input = 0) {
    hash_keys(batch, input);
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
    expect_done(parts_->op->assign(
        parts_->op, partition.c_str(), position != nullptr ? position->data() : nullptr,
        position != nullptr ? static_cast<uint32_t>(position->size()) : 0));
  }
  void advance(int64_t watermark) {
    drive([&] { return parts_->op->advance(parts_->op, watermark); });
  }
  void fire(flow_time kind, int64_t nanoseconds, const flow_key* const* keys = nullptr,
            uint32_t n_keys = 0) {
    drive([&] { return parts_->op->timer(parts_->op, kind, nanoseconds, keys, n_keys); });
  }
  // Fires, in order of their times, the timers of a kind that are due at `until`, and those that
  // they set in turn: what a host does before it calls advance. All keys of one time come at once,
  // by their bytes. With INT64_MAX, the end, what fires may set another eight times.
  void fire_due(flow_time kind, int64_t until) {
    DueTimers due;
    while (parts_->host.take_due(kind, until, due)) {
      fire(kind, due.nanoseconds, due.pointers.data(), static_cast<uint32_t>(due.pointers.size()));
      parts_->host.fired();
    }
  }
  // Small state, and back. Throws what the operator says.
  std::string snapshot() {
    flow_buffer* state = nullptr;
    int64_t length = 0;
    expect_done(parts_->op->snapshot(parts_->op, &state, &length));
    const Buffer owned = Buffer::adopt(state);
    if (!owned) return {};
    return {static_cast<const char*>(owned->data), static_cast<size_t>(length)};
  }
  void restore(const std::string& state) {
    expect_done(parts_->op->restore(parts_->op, descriptor_->version, state.data(),
                                    static_cast<int64_t>(state.size())));
  }
  // Waits for what a blocking operator deferred. Throws when it takes more than ten seconds.
  void settle() {
    if (!parts_->host.settle()) throw std::runtime_error("deferred rows were never done");
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
      if (op != nullptr) op->destroy(op);
      if (component != nullptr) component->destroy(component);
    }
    TestHost host;
    std::vector<std::vector<std::string>> key_fields;  // by input
    std::vector<uint64_t> hashes;
    std::vector<int32_t> rows;
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
  void find_keys(const OptionValues& values) {
    parts_->key_fields.resize(descriptor_->n_inputs);
    for (uint32_t i = 0; i < descriptor_->n_inputs; ++i) {
      const char* option = descriptor_->inputs[i]->key_option;
      const flow_value* value = option != nullptr ? values.find(option) : nullptr;
      if (value == nullptr) continue;
      if (value->n_items == 0) parts_->key_fields[i].emplace_back(value->text);
      for (uint64_t item = 0; item < value->n_items; ++item) {
        parts_->key_fields[i].emplace_back(value->items[item]->text);
      }
    }
  }
  void hash_keys(const Batch& batch, uint32_t input) {
    if ((descriptor_->traits & FLOW_KEYED) == 0) return;
    Parts& parts = *parts_;
    parts.hashes.assign(static_cast<size_t>(batch.rows()), 0);
    parts.rows.resize(static_cast<size_t>(batch.rows()));
    for (size_t i = 0; i < parts.rows.size(); ++i) parts.rows[i] = static_cast<int32_t>(i);
    for (const std::string& field : parts.key_fields.at(input)) {
      const flow_column* column = batch.find(field);
      if (column != nullptr) host::hash_column(*column, parts.hashes);
    }
    parts.host.keys = {.size = sizeof(flow_keys),
                       .reserved = 0,
                       .rows = parts.rows.data(),
                       .n_rows = batch.rows(),
                       .hashes = parts.hashes.data()};
  }
  void expect_done(flow_status status) {
    if (!parts_->host.misuse.empty()) throw std::logic_error(parts_->host.misuse.front());
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

  std::unique_ptr<host::ComponentDescriptor> own_descriptor_;
  const flow_descriptor* descriptor_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace flow::testing
