#include "operators/sources/http.hpp"

#include <algorithm>
#include <chrono>

#include "flow/trial.h"
#include "flow/utf8.hpp"
#include "operators/common/http_pending.hpp"
#include "operators/common/stream_position.hpp"
#include "operators/common/wake_event.hpp"
#include "operators/sources/http_route.hpp"

namespace flow::operators {
namespace {

constexpr const char* kBody = "body";
constexpr std::chrono::milliseconds kPatience{WakeEvent::kWait};
// While requests wait for what the host says between two polls.
constexpr std::chrono::milliseconds kShortPatience{1};
constexpr size_t kMostRejectedBytes = 64 << 10;
// What the largest body is charged for beside its bytes.
constexpr int64_t kBesideBody = 4 << 10;

Type type_of(HttpSource::Column kind) {
  return kind == HttpSource::Column::kReceived ? Type::timestamp() : Type::text();
}

// "User-Agent" -> "user_agent"
std::string column_name(std::string_view header) {
  std::string name(header);
  for (char& c : name) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : is_plain ? c : '_';
  }
  return name;
}

void append_text(TextBuilder& builder, std::string_view text, std::string& repaired) {
  if (is_valid_utf8(text)) return builder.append(text);
  repaired.clear();
  append_repaired_utf8(text, repaired);
  builder.append(repaired);
}

// Whoever only looks at a pipeline must not take its port: the pipeline itself may be running.
bool is_trial(const Host& host) {
  return host.get()->extension != nullptr &&
         host.get()->extension(host.get(), FLOW_EXTENSION_TRIAL) != nullptr;
}

}  // namespace

HttpSource::Shared::Shared(const Options& options, Host)
    : settings(check_http_listen(options)), authorization(http_authorization(options)) {
  check_http_path("path", options.path);
  if (options.buffer.bytes < options.max_body.bytes) {
    throw OptionFailure("buffer", "is smaller than `max_body`, so that there would never be room",
                        "make it several times as large, or `max_body` smaller");
  }
  if (options.path.size() > 1 && options.path.back() == '/') {
    throw OptionFailure("path", "ends with a slash", "leave it out");
  }
  const auto add = [&](const char* option, const std::string& name, Column kind) {
    const bool is_known =
        name == kBody || std::any_of(columns.begin(), columns.end(),
                                     [&](const auto& known) { return known.first == name; });
    if (is_known) throw OptionFailure(option, "there is a column '" + name + "' already");
    columns.emplace_back(name, kind);
  };
  bool has_id = false;
  for (const std::string& column : options.columns) {
    constexpr std::pair<const char*, Column> kKnown[] = {{"request_id", Column::kRequestId},
                                                         {"remote_address", Column::kRemoteAddress},
                                                         {"path", Column::kPath},
                                                         {"query", Column::kQuery},
                                                         {"received", Column::kReceived}};
    const auto* const at = std::find_if(std::begin(kKnown), std::end(kKnown),
                                        [&](const auto& known) { return column == known.first; });
    if (at == std::end(kKnown)) {
      throw OptionFailure("columns", "there is no '" + column + "'",
                          "there are request_id, remote_address, path, query and received");
    }
    const bool is_id = at->second == Column::kRequestId;
    has_id |= is_id;
    add("columns", is_id ? options.id_field : options.prefix + column, at->second);
  }
  if (options.acknowledge == Acknowledge::kResponse && !has_id) {
    add("id_field", options.id_field, Column::kRequestId);
  }
  for (const std::string& header : options.headers) {
    add("headers", options.prefix + column_name(header), Column::kHeader);
  }
}

void HttpSource::infer(const Options&, Shared& shared, Inference& inference) {
  Fields fields = {{kBody, Type::binary()}};
  for (const auto& [name, kind] : shared.columns) fields.emplace_back(name, type_of(kind));
  inference.output(fields);
}

HttpSource::HttpSource(const Options& options, Shared& shared)
    : options_(options), shared_(shared), partition_(shared.settings.address() + options.path) {}

HttpSource::~HttpSource() {
  stop();
  if (server_) server_->remove(options_.path);
  HttpPending::instance().end(partition_);
  if (memory_) memory_->close();
}

void HttpSource::open(Output& out) {
  host_ = out;
  requests_ = out.counter("http_requests", "Requests whose body was taken over.");
  rejected_ = out.counter("http_rejected_records", "Records that were no JSON object.");
  memory_ = std::make_shared<HttpMemory>(out, options_.buffer.bytes + kBesideBody);
  inbox_ = std::make_shared<HttpInbox>(memory_);
  route_ = std::make_shared<HttpSourceRoute>(options_, shared_.authorization, partition_, memory_,
                                             inbox_);
  if (options_.acknowledge == Acknowledge::kDurable && !host_->has_checkpoints()) {
    throw OptionFailure("acknowledge",
                        "\"durable\" needs a journal, which there is where checkpoints are taken",
                        "set `checkpoint` in [pipeline]");
  }
  HttpServer::check_files(shared_.settings);
  if (!is_trial(*host_)) listen();
  SourceOutput(out).offer(partition_);
}

void HttpSource::assign(const std::string& partition, std::optional<std::string_view> position) {
  if (partition != partition_) {
    strangers_.push_back(partition);
    return;
  }
  if (position) {
    const auto bytes = decode_stream_position(*position);
    if (!bytes) throw Failure("http: a position that was written by something else");
    position_ = *bytes;
  }
  assigned_ = true;
  route_->polled();
  route_->begin();
}

// Early, so that a run which cannot have its address does not begin. Until the partition is
// assigned the route tells everybody 503.
void HttpSource::listen() {
  auto server = HttpServer::listen(shared_.settings);
  server->add("path", options_.path, route_);
  server_ = std::move(server);
}

void HttpSource::revoke(const std::string&) {
  route_->stop();
  assigned_ = false;
}

void HttpSource::wake() {
  if (inbox_) inbox_->wake();
}

void HttpSource::close(bool, Output&) { stop(); }

// No request is taken any more. The listener stays for those that wait for rows still on their way.
void HttpSource::stop() {
  if (!route_) return;
  route_->stop();
  for (const HttpArrival& arrival : inbox_->close()) {
    HttpPending::instance().remove(arrival.reply.ticket());
    arrival.reply.send(HttpAnswer::later(503, "stopping"));
  }
  for (const Undurable& waiting : undurable_) {
    waiting.reply.send(HttpAnswer::later(503, "stopping"));
  }
  undurable_.clear();
}

Status HttpSource::poll(SourceOutput& out) {
  if (!strangers_.empty()) {
    out.end(strangers_.back(), {});
    strangers_.pop_back();
    return Status::kDone;
  }
  if (!assigned_) return Status::kIdle;
  route_->polled();
  const bool is_waiting = !undurable_.empty();
  if (!inbox_->take(arrivals_, is_waiting ? kShortPatience : kPatience,
                    std::chrono::nanoseconds(options_.batch_wait.nanoseconds))) {
    return is_waiting ? Status::kDone : Status::kIdle;
  }
  int64_t rows = 0;
  for (const HttpArrival& arrival : arrivals_) rows += static_cast<int64_t>(arrival.runs.size());
  fail_rejected(out.out());
  const Batch made = rows > 0 ? batch(out.out(), rows) : Batch();
  out.emit(made, partition_, encode_stream_position(position_));
  requests_.record(static_cast<double>(arrivals_.size()));
  answer_all();
  arrivals_.clear();
  route_->polled();
  return Status::kDone;
}

Batch HttpSource::batch(Output& out, int64_t rows) {
  TextBuilder bodies(out, rows, FLOW_BINARY);
  Int64Builder positions(out, rows);
  for (const HttpArrival& arrival : arrivals_) {
    const int64_t begin = position_;
    const char* const base = arrival.body.data();
    const int32_t buffer = arrival.body.buffer() ? bodies.share(arrival.body.buffer()) : 0;
    for (const HttpRecords::Run& run : arrival.runs) {
      const std::string_view text(base + run.begin, run.end - run.begin);
      if (arrival.body.buffer()) {
        bodies.append_shared(text, buffer, base);
      } else {
        bodies.append(text);
      }
      positions.append(position_);
      position_ += static_cast<int64_t>(text.size()) + 1;
    }
    if (options_.acknowledge == Acknowledge::kResponse && arrival.accepted > 0) {
      HttpPending::instance().place(arrival.reply.ticket(), begin, position_);
    }
  }
  std::vector<NewColumn> columns = {{kBody, {bodies.finish(), Type::binary()}}};
  size_t header = 0;
  for (const auto& [name, kind] : shared_.columns) {
    columns.push_back({name, column(out, rows, kind, header)});
    header += kind == Column::kHeader ? 1 : 0;
  }
  const flow::Column position = positions.finish();
  flow_origin origin{};
  origin.size = sizeof origin;
  origin.partition = partition_.c_str();
  origin.position = position.get();
  return out.make(rows, columns, &origin);
}

TypedColumn HttpSource::column(Output& out, int64_t rows, Column kind, size_t header) {
  if (kind == Column::kReceived) {
    TimestampBuilder times(out, rows);
    const int64_t now = out.now();
    for (int64_t row = 0; row < rows; ++row) times.append(now);
    return {times.finish(), Type::timestamp()};
  }
  TextBuilder texts(out, rows);
  std::string id;
  for (const HttpArrival& arrival : arrivals_) {
    if (kind == Column::kRequestId) id = HttpPending::instance().id(arrival.reply.ticket());
    for (size_t run = 0; run < arrival.runs.size(); ++run) {
      switch (kind) {
        case Column::kRequestId:
          texts.append(id);
          break;
        case Column::kRemoteAddress:
          texts.append(arrival.remote_address);
          break;
        case Column::kPath:
          texts.append(options_.path);
          break;
        case Column::kQuery:
          append_text(texts, arrival.query, id);
          break;
        default:
          if (arrival.has_header[header]) {
            append_text(texts, arrival.headers[header], id);
          } else {
            texts.append_null();
          }
      }
    }
  }
  return {texts.finish(), Type::text()};
}

void HttpSource::fail_rejected(Output& out) {
  int64_t rows = 0;
  for (const HttpArrival& arrival : arrivals_) {
    rows += static_cast<int64_t>(arrival.rejected.size());
  }
  if (rows == 0) return;
  TextBuilder records(out, rows, FLOW_BINARY);
  for (const HttpArrival& arrival : arrivals_) {
    for (const HttpRecords::Rejected& one : arrival.rejected) {
      records.append(
          {arrival.body.data() + one.begin, std::min(one.end - one.begin, kMostRejectedBytes)});
    }
  }
  const flow::Column record = records.finish();
  flow_origin origin{};
  origin.size = sizeof origin;
  origin.partition = partition_.c_str();
  origin.record = record.get();
  const Batch batch = out.make(rows, {{kBody, {record, Type::binary()}}}, &origin);
  int64_t row = 0;
  for (const HttpArrival& arrival : arrivals_) {
    for (const HttpRecords::Rejected& one : arrival.rejected) {
      out.fail(batch, row++, one.reason,
               "record " + std::to_string(one.record) + " of a request, line " +
                   std::to_string(one.line) + ", byte " + std::to_string(one.offset) +
                   " of the body: " + one.what);
    }
  }
  rejected_.record(static_cast<double>(rows));
}

void HttpSource::answer_all() {
  const bool is_durable = options_.acknowledge == Acknowledge::kDurable;
  for (const HttpArrival& arrival : arrivals_) {
    if (options_.acknowledge == Acknowledge::kResponse && arrival.accepted > 0) continue;
    HttpAnswer answer = http_outcome(is_durable ? 200 : 202, arrival.accepted, arrival.rejected);
    if (is_durable && arrival.accepted > 0) {
      undurable_.push_back({position_, arrival.reply, std::move(answer)});
    } else {
      arrival.reply.send(std::move(answer));
    }
  }
}

void HttpSource::acknowledge(const std::string& partition, std::string_view position) {
  if (partition != partition_) return;
  const auto bytes = decode_stream_position(position);
  if (!bytes) throw Failure("http: a position that was written by something else");
  for (; !undurable_.empty() && undurable_.front().position <= *bytes; undurable_.pop_front()) {
    undurable_.front().reply.send(std::move(undurable_.front().answer));
  }
}

}  // namespace flow::operators
