// One component with one instance, driven through the C ABI with every answer watched.
#pragma once

#include <dlfcn.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "flow/host/outputs.hpp"
#include "flow/output.hpp"
#include "flow/testing/contract/generate.hpp"
#include "flow/testing/contract/inference_check.hpp"
#include "flow/testing/contract/outcome.hpp"

namespace flow::testing::contract {

// Columns and names of the checker's own.
inline constexpr const char* kBystander = "contract_bystander";
inline constexpr const char* kSource = "contract";
inline constexpr const char* kPartition = "contract/input";

inline std::string record_of(int64_t position) {
  return "record number " + std::to_string(position);
}

// The operator under test and what its runs find.
struct Context {
  const flow_plugin& plugin;
  const flow_descriptor& descriptor;
  const ContractSubject& subject;
  Settings settings;
  Findings& findings;
  Random& random;

  bool is(uint64_t trait) const { return (descriptor.traits & trait) != 0; }
};

class Session {
 public:
  Session(Context& context, const Settings& settings, flow_role role = FLOW_ROLE_NONE)
      : context_(context),
        host_(std::make_unique<TestHost>(output_count(context.descriptor))),
        role_(role) {
    if (context.subject.reset) context.subject.reset();
    make(settings);
  }
  // Beside one that is there already: nothing is reset.
  Session(Context& context, const Settings& settings, flow_role role, std::nullptr_t)
      : context_(context),
        host_(std::make_unique<TestHost>(output_count(context.descriptor))),
        role_(role) {
    make(settings);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { finish(); }

  // False: create, instance or open refused. `refusal` has the words.
  bool ready() const { return opened_; }
  const std::string& refusal() const { return host_->error; }
  TestHost& host() { return *host_; }
  flow_operator* op() { return op_; }
  const Outcome& outcome() const { return outcome_; }
  int64_t peak() const { return host_->account.peak(); }
  std::vector<Timer>& timers() { return host_->timers; }

  void open() {
    const std::vector<const flow_schema*> schemas(context_.descriptor.n_inputs, nullptr);
    if (op_ == nullptr) return;
    opened_ = call("open", [&] {
                return op_->open(op_, schemas.data(), static_cast<uint32_t>(schemas.size()));
              }) == FLOW_DONE;
  }

  // A batch with an origin: positions and records count from `position`. `bystander`: with a column
  // that the operator knows nothing of, unless it takes nothing but one column of encoded bytes.
  Batch batch(const Table& table, int64_t position, bool bystander = true) {
    const Host host = host_->host();
    std::vector<TypedColumn> columns;
    std::vector<NewColumn> named;
    std::vector<Cell> positions, records;
    for (int64_t row = 0; row < table.rows(); ++row) {
      positions.emplace_back(position + row);
      records.emplace_back(record_of(position + row));
    }
    for (const TableColumn& column : table.columns) {
      columns.push_back({make_column(host, column.type, column.cells), column.type});
    }
    const Column numbers = make_column(host, Type::int64(), positions);
    columns.push_back({numbers, Type::int64()});
    for (size_t i = 0; i < table.columns.size(); ++i) {
      named.push_back({table.columns[i].name, columns[i]});
    }
    if (bystander && !takes_encoded()) named.push_back({kBystander, columns.back()});
    const Column record = make_column(host, Type::binary(), records);
    flow_origin origin{};
    origin.size = sizeof origin;
    origin.source = kSource;
    origin.partition = kPartition;
    origin.position = numbers.get();
    origin.record = record.get();
    for (size_t i = 0; i < table.columns.size(); ++i) {
      if (table.columns[i].type.id() != FLOW_TIMESTAMP) continue;
      if (table.columns[i].name == context_.subject.event_time) {
        origin.event_time = columns[i].column.get();
      }
      if (table.columns[i].name == context_.subject.watermark) {
        origin.watermark = columns[i].column.get();
      }
    }
    if (origin.event_time == nullptr || origin.watermark == nullptr) {
      origin.event_time = origin.watermark = nullptr;
    }
    Output out(host_->abi());
    return out.make(table.rows(), named, &origin);
  }

  // Processes a batch until it is dealt with, and checks everything that must hold of that. The
  // last status.
  flow_status process(uint32_t input, const Batch& in) {
    const uint64_t before = checksum(*in);
    input_names_.clear();
    for (uint32_t i = 0; i < in.column_count(); ++i) {
      input_names_.emplace_back(in.schema().fields[i]->name);
    }
    hash_keys(in, input);
    ask(input, &in.schema());
    const int64_t seen_before = accounted();
    const int64_t deferred_before = outstanding();
    const flow_status status = drive("process", [&] { return op_->process(op_, input, in.get()); });
    if (checksum(*in) != before) {
      context_.findings.add("input_modified", "an input batch is not what it was before process");
    }
    host_->keys = {};
    if (status == FLOW_DONE) {
      const int64_t handled = accounted() - seen_before + outstanding() - deferred_before;
      check_ledger(in.rows(), handled);
    }
    return status;
  }
  // Tells the watermark of the batch's last row, where rows have one: the lowest over all inputs.
  // One that has had no rows yet holds it back.
  void follow(uint32_t input, const Batch& in) {
    if (in.rows() == 0 || in.watermarks() == nullptr) return;
    followed_.resize(std::max<size_t>(context_.descriptor.n_inputs, 1), INT64_MIN);
    followed_[input] = std::max(followed_[input], in.watermarks()[in.rows() - 1]);
    const int64_t lowest = *std::min_element(followed_.begin(), followed_.end());
    if (lowest != INT64_MIN) advance(lowest);
  }
  // One call, whatever it answers; rows are not counted.
  flow_status try_process(const Batch& in) {
    hash_keys(in, 0);
    ask(0, &in.schema());
    const flow_status status = call("process", [&] { return op_->process(op_, 0, in.get()); });
    host_->keys = {};
    collect();
    return status;
  }
  flow_status advance(int64_t watermark) {
    fire(FLOW_EVENT_TIME, watermark);
    return without_rows("advance", [&] { return op_->advance(op_, watermark); });
  }
  // Fires every timer up to `now`, in time's order.
  void fire(flow_time kind, int64_t now) {
    DueTimers due;
    while (host_->take_due(kind, now, due)) {
      without_rows("timer", [&] {
        return op_->timer(op_, kind, due.nanoseconds, due.pointers.data(),
                          static_cast<uint32_t>(due.pointers.size()));
      });
      host_->fired();
    }
  }
  flow_status close(bool drained) {
    const flow_status status =
        without_rows("close", [&] { return op_->close(op_, drained ? 1 : 0); });
    if (status != FLOW_DONE) context_.findings.add("close", "answers " + std::to_string(status));
    return status;
  }

  // One call with its exceptions, misuse and missing words reported.
  template <class Call>
  flow_status call(const char* name, Call body) {
    host_->error.clear();
    host_->start_call();
    flow_status status = FLOW_FAILED;
    try {
      status = body();
    } catch (const std::exception& thrown) {
      context_.findings.add("exception", std::string(name) + " lets one out: " + thrown.what());
      host_->error = thrown.what();
    }
    // Other threads may still be answering: nothing is looked at before they have.
    if (context_.is(FLOW_BLOCKING) && !host_->settle()) {
      context_.findings.add("defer", "deferred rows were not done within ten seconds");
    }
    for (const std::string& misuse : host_->misuse) {
      context_.findings.add("misuse", std::string(name) + ": " + misuse);
    }
    host_->misuse.clear();
    if (host_->room_violations > 0) {
      context_.findings.add("room", std::string(name) + " emits " +
                                        std::to_string(host_->room_violations) +
                                        " batches more than there is room for");
      host_->room_violations = 0;
    }
    if ((status == FLOW_FAILED || status == FLOW_RETRY) && host_->error.empty()) {
      context_.findings.add("error_message", std::string(name) + " fails without host->error");
    }
    if (status < FLOW_FAILED || status > FLOW_END) {
      context_.findings.add("status", std::string(name) + " answers " + std::to_string(status));
    }
    return status;
  }

  // Calls again as long as it says MORE, and takes what was emitted each time.
  template <class Call>
  flow_status drive(const char* name, Call body) {
    int empty_calls = 0;
    while (true) {
      const flow_status status = call(name, body);
      const bool emitted = collect();
      if (status != FLOW_MORE) {
        return status;
      }
      empty_calls = emitted ? 0 : empty_calls + 1;
      if (empty_calls == kPatience) {
        context_.findings.add("room", std::string(name) + " asks for MORE and emits nothing");
        return FLOW_FAILED;
      }
    }
  }

  // Looks at what was emitted since the last call, and lets go of it. False: nothing was.
  bool collect() {
    bool any = false;
    outcome_.rows.resize(host_->emitted.size());
    for (size_t port = 0; port < host_->emitted.size(); ++port) {
      for (const Batch& batch : std::exchange(host_->emitted[port], {})) {
        any = true;
        take(batch, port);
      }
    }
    for (const Batch& batch : std::exchange(host_->late, {}))
      ArrowCheck(context_.findings).batch(*batch);
    for (const FailedRow& failure : std::exchange(host_->failed, {})) {
      outcome_.failed.push_back(failure.reason + " {" + failure.record + '}');
      ++failed_;
      if (failure.reason.empty())
        context_.findings.add("error_message", "a row fails without reason");
    }
    outcome_.dropped = host_->dropped;
    outcome_.absorbed = host_->absorbed;
    outcome_.late = host_->late_rows;
    outcome_.created = host_->created;
    return any;
  }

  // Destroys everything; what is then still charged was leaked.
  void finish() {
    if (host_ == nullptr) return;
    if (op_ != nullptr) op_->destroy(op_);
    if (component_ != nullptr) component_->destroy(component_);
    op_ = nullptr;
    component_ = nullptr;
    host::MemoryAccount& account = host_->account;
    if (!host_->deferred.empty()) {
      context_.findings.add("defer", "destroyed with rows that were deferred and never done");
    }
    host_.reset();
    if (account.used() != 0) {
      context_.findings.add("leak", std::to_string(account.used()) +
                                        " bytes of buffers, columns or batches are still retained "
                                        "after destroy");
    }
  }

  // What a restart hands on beside state and timers.
  std::vector<int64_t>& followed() { return followed_; }

 private:
  static constexpr int kPatience = 1000;

  void make(const Settings& settings) {
    const OptionValues values(context_.descriptor, settings);
    const host::ComponentDescriptor outputs(context_.descriptor, values.data());
    host_->emitted.resize(output_count(outputs.get()));
    for (uint32_t i = 0; i < context_.descriptor.n_inputs; ++i) {
      const char* option = context_.descriptor.inputs[i]->key_option;
      const flow_value* value = option != nullptr ? values.find(option) : nullptr;
      key_fields_.emplace_back();
      if (value == nullptr) continue;
      if (value->n_items == 0) key_fields_.back().emplace_back(value->text);
      for (uint64_t item = 0; item < value->n_items; ++item) {
        key_fields_.back().emplace_back(value->items[item]->text);
      }
    }
    create(values.data());
  }
  bool takes_encoded() const {
    return context_.descriptor.kind == FLOW_SINK && !context_.is(FLOW_ANY_ROWS) &&
           (context_.is(FLOW_BYTES) || context_.is(FLOW_MESSAGES));
  }
  void create(const flow_value* const* values) {
    try {
      component_ = context_.plugin.create(host_->abi(), &context_.descriptor, values);
      if (component_ != nullptr) op_ = component_->instance(component_, host_->abi(), role_);
      if (op_ != nullptr && context_.descriptor.kind == FLOW_SOURCE) ask(0, nullptr);
    } catch (const std::exception& thrown) {
      context_.findings.add("exception", std::string("create lets one out: ") + thrown.what());
      host_->error = thrown.what();
    }
    if (op_ == nullptr && host_->error.empty()) {
      context_.findings.add("error_message", "create or instance is NULL without host->error");
    }
  }

  void ask(uint32_t input, const flow_schema* schema) {
    if (role_ == FLOW_ROLE_FRAME) return;
    const flow_role role = role_ == FLOW_ROLE_ENCODE_MESSAGE ? FLOW_ROLE_ENCODE : role_;
    inference_.ask(component_, *host_, context_.descriptor, role, input, schema);
  }

  template <class Call>
  flow_status without_rows(const char* name, Call body) {
    const int64_t before = accounted();
    const flow_status status = drive(name, body);
    if (accounted() != before) {
      context_.findings.add("ledger", std::string(name) + " has no input, and still " +
                                          std::to_string(accounted() - before) +
                                          " rows came out that are not created");
    }
    return status;
  }

  // Rows of inputs with a known end.
  int64_t accounted() {
    int64_t sum = host_->passed + host_->absorbed + host_->late_rows + host_->settled_rows;
    // A decoder's failed and dropped records are rows that it made; the chunks that they came in
    // are absorbed.
    if (role_ == FLOW_ROLE_DECODE) return sum;
    for (const auto& [reason, rows] : host_->dropped) sum += rows;
    return sum + failed_ + static_cast<int64_t>(host_->failed.size());
  }
  int64_t outstanding() {
    int64_t rows = 0;
    for (const auto& [token, batch] : host_->deferred) rows += batch.rows();
    return rows;
  }
  void check_ledger(int64_t rows, int64_t handled) {
    const bool sink = context_.descriptor.kind == FLOW_SINK;
    if (handled != rows && !(sink && handled < rows)) {
      context_.findings.add("ledger", std::to_string(rows) + " rows in, but " +
                                          std::to_string(handled) +
                                          " passed on, dropped, failed, late or absorbed");
    }
  }

  void take(const Batch& batch, size_t port) {
    // Looked at, not trusted: what is broken is not read any further.
    Findings broken(nothing_);
    ArrowCheck(broken).batch(*batch);
    if (!broken.empty()) {
      ArrowCheck(context_.findings).batch(*batch);
      for (const Violation& violation : broken.take()) {
        if (violation.rule == "arrow") return;
      }
    }
    check_types(batch, port);
    inference_.check(static_cast<uint32_t>(port), batch);
    check_origin(batch);
    check_order(batch);
    for (int64_t row = 0; row < batch.rows(); ++row) {
      outcome_.rows[port].push_back(rendered_row(*batch, row));
    }
  }
  void check_types(const Batch& batch, size_t port) {
    for (uint32_t i = 0; i < batch.column_count(); ++i) {
      const flow_field& field = *batch.schema().fields[i];
      // A dictionary that is full falls back to text: the two are one type.
      const flow_type type = field.type == FLOW_CATEGORY ? FLOW_TEXT : field.type;
      const auto [known, fresh] = types_.emplace(std::to_string(port) + '/' + field.name, type);
      if (!fresh && known->second != type) {
        context_.findings.add("types", "column '" + std::string(field.name) + "' is a " +
                                           std::string(type_name(known->second)) +
                                           " in one batch and a " + std::string(type_name(type)) +
                                           " in another");
        known->second = type;
      }
    }
  }
  // Rows that carry the checker's origin must still be the rows that they say they are.
  void check_origin(const Batch& batch) {
    const flow_origin& origin = batch.origin();
    if (origin.source == nullptr || std::string_view(origin.source) != kSource ||
        origin.position == nullptr) {
      return;
    }
    const Int64View positions(*origin.position);
    const flow_column* bystander = batch.find(kBystander);
    if (bystander != nullptr && bystander->type != FLOW_INT64) bystander = nullptr;
    for (int64_t row = 0; row < batch.rows(); ++row) {
      if (bystander != nullptr && Int64View(*bystander)[row] != positions[row]) {
        context_.findings.add("origin", "a row's untouched column is that of row " +
                                            std::to_string(Int64View(*bystander)[row]) +
                                            ", its origin that of row " +
                                            std::to_string(positions[row]));
        return;
      }
      if (origin.record != nullptr && TextView(*origin.record)[row] != record_of(positions[row])) {
        context_.findings.add("origin", "a row's position and record are those of different rows");
        return;
      }
    }
  }

  // Where every column of the input is passed on, they stand first and in their order.
  void check_order(const Batch& batch) {
    if (input_names_.empty() || context_.descriptor.n_inputs != 1 ||
        batch.origin().source == nullptr || std::string_view(batch.origin().source) != kSource) {
      return;
    }
    for (const std::string& name : input_names_) {
      if (batch.find(name) == nullptr) return;
    }
    for (size_t i = 0; i < input_names_.size(); ++i) {
      if (input_names_[i] != batch.schema().fields[i]->name) {
        context_.findings.add("column_order", "column '" + input_names_[i] +
                                                  "' of the input does not keep its place; new "
                                                  "columns go to the end");
        return;
      }
    }
  }

  void hash_keys(const Batch& in, uint32_t input) {
    if (!context_.is(FLOW_KEYED)) return;
    hashes_.assign(static_cast<size_t>(in.rows()), 0);
    key_rows_.clear();
    for (int64_t row = 0; row < in.rows(); ++row) key_rows_.push_back(static_cast<int32_t>(row));
    for (const std::string& field : key_fields_.at(input)) {
      const flow_column* column = in.find(field);
      if (column != nullptr && column->type != FLOW_STRUCT && column->type != FLOW_LIST) {
        host::hash_column(*column, hashes_);
      }
    }
    host_->keys = {.size = sizeof(flow_keys),
                   .reserved = 0,
                   .rows = key_rows_.data(),
                   .n_rows = in.rows(),
                   .hashes = hashes_.data()};
  }

  Context& context_;
  InferenceCheck inference_{context_.findings};
  ContractSubject nothing_;
  std::unique_ptr<TestHost> host_;
  flow_role role_;
  flow_component* component_ = nullptr;
  flow_operator* op_ = nullptr;
  bool opened_ = false;
  Outcome outcome_;
  int64_t failed_ = 0;
  std::map<std::string, flow_type> types_;
  std::vector<std::string> input_names_;
  std::vector<std::vector<std::string>> key_fields_;
  std::vector<int64_t> followed_;  // watermarks, by input
  std::vector<uint64_t> hashes_;
  std::vector<int32_t> key_rows_;
};

}  // namespace flow::testing::contract
