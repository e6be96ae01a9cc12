#include "operators/sources/mqtt.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "operators/common/stream_position.hpp"
#include "operators/common/text_hash.hpp"
#include "operators/common/wake_event.hpp"

namespace flow::operators {
namespace {

constexpr const char* kPartition = "mqtt";
constexpr const char* kPayload = "payload";
constexpr std::chrono::milliseconds kPatience{WakeEvent::kWait};

uint64_t fingerprint(std::string_view topic, std::string_view payload) {
  return text_hash(topic) * 31 + text_hash(payload);
}

MqttPublish publish_of(const MqttArrivals& arrivals, const MqttArrivals::Item& item) {
  MqttPublish message;
  message.topic = arrivals.topic(item);
  message.payload = arrivals.payload(item);
  message.packet_id = item.packet_id;
  message.qos = item.qos;
  message.retained = item.retained;
  message.duplicate = item.duplicate;
  return message;
}

}  // namespace

MqttSource::Shared::Shared(const Options& options, Host) : address(check_mqtt_connection(options)) {
  if (options.topics.empty()) throw OptionFailure("topics", "is empty", "'#' stands for all");
  for (const std::string& filter : options.topics) {
    try {
      check_mqtt_filter(filter);
    } catch (const Failure& failure) {
      throw OptionFailure("topics", failure.what());
    }
  }
  if (options.topic_fields) {
    try {
      pattern.emplace(*options.topic_fields);
    } catch (const Failure& failure) {
      throw OptionFailure("topic_fields", failure.what());
    }
  }
  for (const std::string& column : options.columns) {
    if (column == "topic") {
      has_topic = true;
    } else if (column == "qos") {
      has_qos = true;
    } else if (column == "retained") {
      has_retained = true;
    } else {
      throw OptionFailure("columns", "there is no '" + column + "'",
                          "there are topic, qos and retained");
    }
  }
  const auto add = [&](const std::string& name) {
    std::string full = options.prefix + name;
    if (full == kPayload || std::find(names.begin(), names.end(), full) != names.end()) {
      throw OptionFailure("topic_fields", "there is a column '" + full + "' already",
                          "give the level another name");
    }
    names.push_back(std::move(full));
  };
  if (has_topic) add("topic");
  if (pattern) {
    for (const std::string& name : pattern->names()) add(name);
  }
  if (has_qos) add("qos");
  if (has_retained) add("retained");
}

void MqttSource::describe(Description<Options>& d) {
  d.name("mqtt");
  d.summary("Subscribes to topics of an MQTT broker.");
  d.doc(
      "Each message is a row. Without `decoding` its bytes are the column `payload`; with it, what "
      "the codec makes of them takes that place: one row, several (a JSON document a line) or "
      "none. Beside them stand `topic`, the levels of the topic that `topic_fields` names, `qos` "
      "and `retained`; they replace columns of the same names. MQTT 3.1.1 and 5, with TLS or "
      "without. Wildcards and, where the broker knows them, shared subscriptions "
      "(`$share/GROUP/plant/#`) work: several sources of one group share the messages. A message "
      "larger than `max_payload` goes to `errors` as `too_large` with its first 1,024 bytes, one "
      "whose topic is no valid text as `bad_topic`.\n\n"
      "**What can be lost, and what can come twice.** A broker does not send a message again once "
      "it has been answered, so an answer (PUBACK, PUBREC) goes out only when the rows are safe: "
      "where the pipeline takes checkpoints, when they are in its journal on disk; where it does "
      "not, when they were passed on, so that a crash loses what had not reached its sinks. "
      "With QoS 1 and 2 the broker keeps for this client what it has not answered, and what comes "
      "while it is away (`session_expiry`): nothing is lost when this program, the network or a "
      "broker that keeps its sessions on disk goes down and comes back. It delivers at least once: "
      "what was on its way when something broke comes again. As long as this program runs, such a "
      "message is known by its packet id and content and not passed on twice; counted as "
      "`mqtt_redelivered_messages`. With QoS 0 the broker drops what cannot be sent at once. "
      "Messages of one topic keep their order.\n\n"
      "When the connection breaks, or the broker sends what is no MQTT, it is made anew, after a "
      "pause that grows from `reconnect_delay` to `max_reconnect_delay`; so it is when the broker "
      "refuses the client or a topic. Each is logged, `mqtt_connection_failures` counts, and "
      "`mqtt_connected` is 0 meanwhile.\n\n"
      "Memory is bounded: at most `receive_maximum` messages wait for their answer, and what "
      "nobody has taken yet stays at about `buffer`; then the socket is not read, and the broker "
      "holds messages back, by its own limits. A broker of version 3.1.1 sends as many unanswered "
      "messages as it likes itself; mosquitto's limit is 20 (`max_inflight_messages`), which with "
      "a "
      "journal makes a few thousand messages a second.\n\n"
      "There is one partition, `mqtt`; positions count messages.");
  d.example(
      "type = \"mqtt\"\nurl = \"mqtt://localhost:1883\"\ntopics = [\"plant/+/+/reading\"]\n"
      "topic_fields = \"plant/{plant}/{device}/+\"\ndecoding = \"json\"\n");
  d.traits(FLOW_MESSAGES | FLOW_ONCE);
  d.output("out", "The messages.");
  d.output("errors", "Messages that are too large, or whose topic is no text.");
  describe_mqtt_connection(
      d,
      "What the broker knows this client and its session by; no other may have it, or they throw "
      "each other out. Left out, a name made of the machine's, `url`, `topics` and `username`: it "
      "stays the same over restarts, but two sources that agree in these need names of their own.");
  d.option("topics", &Options::topics,
           "The topic filters to subscribe to. A session that the broker kept for this client_id "
           "keeps filters that were taken out here, until it expires.")
      .required();
  d.option("qos", &Options::qos,
           "The highest quality of service that messages are asked for: 0 at most once, 1 at least "
           "once, 2 exactly once over the network, for twice the packets.")
      .range(0, 2);
  d.option(
      "topic_fields", &Options::topic_fields,
      "Makes levels of the topic columns: `plant/{plant}/{device}/+`. `{name}` is a level that "
      "becomes a column, `+` one that does not, `#` at the end any that follow, or none; "
      "another text must be there as it is. Topics of another form have nulls there, counted "
      "as `mqtt_unmatched_topics`.");
  d.option("columns", &Options::columns,
           "Which of `topic`, `qos` and `retained` become columns. Each costs some bytes a row.");
  d.option("prefix", &Options::prefix,
           "Stands in front of the names of the columns beside the payload, against clashes with "
           "those that the codec makes.");
  d.option(
       "session_expiry", &Options::session_expiry,
       "How long the broker is to keep the session, with what comes meanwhile, when this client "
       "is away; in whole seconds, with version 3.1.1 as long as the broker pleases. 0 keeps "
       "none, and so does `qos = 0`: then what comes while it is away is lost.")
      .range(0, 4'294'967'295e9);
  d.option("receive_maximum", &Options::receive_maximum,
           "How many messages of QoS 1 and 2 may be without an answer. Where a journal takes 20 ms "
           "to be on disk, 4,096 are enough for 200,000 messages a second; each costs some 50 "
           "bytes here.")
      .range(1, 65'535);
  d.option("max_payload", &Options::max_payload, "The largest message, without its topic.")
      .range(1, 256.0 * 1024 * 1024 - 1);
  d.option("buffer", &Options::buffer,
           "How many bytes of messages may wait to be taken over by the pipeline before the socket "
           "is not read any more.")
      .range(64.0 * 1024, 1024.0 * 1024 * 1024);
  d.option(
       "batch_wait", &Options::batch_wait,
       "How long the first message of a batch waits for others. It is added to the latency of a "
       "message, and saves the cost of many small batches; \"0s\" sends on what is there.")
      .range(0, 1e9);
}

void MqttSource::infer(const Options&, Shared& shared, Inference& inference) {
  Fields fields = {{kPayload, Type::binary()}};
  const size_t levels = shared.pattern ? shared.pattern->names().size() : 0;
  const size_t categories = levels + (shared.has_topic ? 1 : 0);
  for (size_t i = 0; i < shared.names.size(); ++i) {
    const bool is_qos = i == categories && shared.has_qos;
    fields.emplace_back(shared.names[i], i < categories ? Type::category()
                                         : is_qos       ? Type::int64()
                                                        : Type::boolean());
  }
  inference.output(fields);
}

MqttSource::MqttSource(const Options& options, Shared& shared)
    : options_(options),
      shared_(shared),
      topics_(shared.pattern ? &*shared.pattern : nullptr, shared.has_topic) {}

std::string MqttSource::client_id() const {
  if (options_.client_id) return *options_.client_id;
  std::array<char, 256> machine{};
  ::gethostname(machine.data(), machine.size() - 1);
  std::string all = machine.data();
  all.append("\n").append(shared_.address.to_string());
  all.append("\n").append(options_.username.value_or(""));
  for (const std::string& topic : options_.topics) all.append("\n").append(topic);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "flowrun-%016llx",
                static_cast<unsigned long long>(text_hash(all)));
  return text.data();
}

void MqttSource::open(Output& out) {
  host_ = out;
  redelivered_ = out.counter("mqtt_redelivered_messages",
                             "Messages that came again and were not passed on again.");
  unmatched_ = out.counter("mqtt_unmatched_topics", "Messages that topic_fields did not fit.");
  waiting_ = out.gauge("mqtt_unanswered_messages", "Messages passed on that are not durable yet.");
  MqttClientSettings settings;
  settings.connection = options_;
  settings.address = shared_.address;
  settings.client_id = client_id();
  settings.filters = options_.topics;
  settings.qos = static_cast<uint8_t>(options_.qos);
  if (options_.qos > 0) {
    settings.session_expiry =
        static_cast<uint32_t>(options_.session_expiry.nanoseconds / 1'000'000'000);
  }
  settings.receive_maximum = static_cast<uint16_t>(options_.receive_maximum);
  settings.largest_payload = static_cast<size_t>(options_.max_payload.bytes);
  settings.buffer_bytes = options_.buffer.bytes;
  client_ = std::make_unique<MqttClient>(std::move(settings), *host_);
  SourceOutput(out).offer(kPartition);
}

void MqttSource::assign(const std::string& partition, std::optional<std::string_view> position) {
  if (partition != kPartition) {
    throw Failure("mqtt has the partition 'mqtt' only, not '" + partition + "'");
  }
  if (position) {
    const auto messages = decode_stream_position(*position);
    if (!messages) throw Failure("mqtt: a position that was written by something else");
    sequence_ = static_cast<uint64_t>(*messages);
  }
  if (!assigned_) client_->start();
  assigned_ = true;
}

void MqttSource::revoke(const std::string&) {
  client_->stop();
  assigned_ = false;
}

void MqttSource::wake() {
  if (client_ != nullptr) client_->wake();
}

void MqttSource::close(bool, Output&) {
  if (client_ != nullptr) client_->stop();
}

Status MqttSource::poll(SourceOutput& out) {
  if (!assigned_) return Status::kIdle;
  // The rest is the broker's to hold back; with 3.1.1 the socket's.
  if (deliveries_.waiting() >= static_cast<size_t>(options_.receive_maximum)) return Status::kIdle;
  if (!client_->take(arrivals_, kPatience,
                     std::chrono::nanoseconds(options_.batch_wait.nanoseconds))) {
    return Status::kIdle;
  }
  sort_arrivals();
  if (!bad_.empty()) fail_messages(out.out());
  if (!good_.empty() || !bad_.empty()) {
    const std::string position = encode_stream_position(static_cast<int64_t>(sequence_));
    out.emit(good_.empty() ? Batch() : batch(out.out(), good_), kPartition, position);
    if (!host_->has_checkpoints()) deliveries_.durable(sequence_);
  }
  send_answers();
  waiting_.record(static_cast<double>(deliveries_.waiting()));
  arrivals_.clear();
  return Status::kDone;
}

// Tells what is new from what is known, and what is good from what is not.
void MqttSource::sort_arrivals() {
  good_.clear();
  bad_.clear();
  int64_t known = 0;
  const auto& items = arrivals_.items();
  for (size_t i = 0; i < items.size(); ++i) {
    const MqttArrivals::Item& item = items[i];
    switch (item.kind) {
      case MqttArrivals::Kind::kConnected:
        connection_ = item.connection;
        deliveries_.connected(item.connection, item.session_present);
        continue;
      case MqttArrivals::Kind::kReleased:
        deliveries_.released(item.packet_id);
        continue;
      default:
        break;
    }
    const MqttPublish message = publish_of(arrivals_, item);
    if (message.qos > 0 &&
        !deliveries_.arrived(message, fingerprint(message.topic, message.payload), sequence_)) {
      ++known;
      continue;
    }
    ++sequence_;
    const bool is_good = item.kind == MqttArrivals::Kind::kMessage && is_mqtt_topic(message.topic);
    (is_good ? good_ : bad_).push_back(i);
  }
  if (known > 0) redelivered_.record(static_cast<double>(known));
}

Batch MqttSource::batch(Output& out, const std::vector<size_t>& messages) {
  const auto rows = static_cast<int64_t>(messages.size());
  arrivals_.trim(*host_);
  TextBuilder payloads(out, rows, FLOW_BINARY);
  const char* base = nullptr;
  int32_t buffer = 0;
  if (arrivals_.payloads()) {
    buffer = payloads.share(arrivals_.payloads());
    base = static_cast<const char*>(arrivals_.payloads()->data);
  }
  topics_.start(*host_, rows);
  std::optional<Int64Builder> qos;
  std::optional<BoolBuilder> retained;
  if (shared_.has_qos) qos.emplace(out, rows);
  if (shared_.has_retained) retained.emplace(out, rows);
  int64_t unmatched = 0;
  for (const size_t i : messages) {
    const MqttArrivals::Item& item = arrivals_.items()[i];
    const std::string_view payload = arrivals_.payload(item);
    if (payload.empty()) {
      payloads.append("");
    } else {
      payloads.append_shared(payload, buffer, base);
    }
    unmatched += topics_.add(*host_, arrivals_.topic(item)) ? 0 : 1;
    if (qos) qos->append(item.qos);
    if (retained) retained->append(item.retained);
  }
  if (unmatched > 0) unmatched_.record(static_cast<double>(unmatched));
  std::vector<TypedColumn> beside;
  topics_.finish(beside);
  if (qos) beside.push_back({qos->finish(), Type::int64()});
  if (retained) beside.push_back({retained->finish(), Type::boolean()});
  std::vector<NewColumn> columns = {{kPayload, {payloads.finish(), Type::binary()}}};
  for (size_t i = 0; i < beside.size(); ++i) columns.push_back({shared_.names[i], beside[i]});
  return out.make(rows, columns, nullptr);
}

void MqttSource::fail_messages(Output& out) {
  const auto rows = static_cast<int64_t>(bad_.size());
  TextBuilder records(out, rows, FLOW_BINARY);
  for (const size_t i : bad_) records.append(arrivals_.payload(arrivals_.items()[i]));
  const Column record = records.finish();
  flow_origin origin{};
  origin.size = sizeof origin;
  origin.partition = kPartition;
  origin.record = record.get();
  const Batch batch = out.make(rows, {{kPayload, {record, Type::binary()}}}, &origin);
  for (int64_t row = 0; row < rows; ++row) {
    const MqttArrivals::Item& item = arrivals_.items()[bad_[static_cast<size_t>(row)]];
    if (item.kind == MqttArrivals::Kind::kTooLarge) {
      out.fail(batch, row, "too_large",
               "a message has more than " + std::to_string(options_.max_payload.bytes) +
                   " bytes, which is max_payload; only the first are kept. Raise it to take more.");
    } else {
      out.fail(batch, row, "bad_topic",
               "the topic of a message is no valid UTF-8 text, or has a wildcard");
    }
  }
}

void MqttSource::acknowledge(const std::string&, std::string_view position) {
  const auto messages = decode_stream_position(position);
  if (!messages) throw Failure("mqtt: a position that was written by something else");
  // What cannot be answered now is answered when it is delivered again.
  if (!client_->is_newest(connection_)) deliveries_.connected(0, true);
  deliveries_.durable(static_cast<uint64_t>(*messages));
  waiting_.record(static_cast<double>(deliveries_.waiting()));
  send_answers();
}

void MqttSource::send_answers() {
  auto& answers = deliveries_.answers();
  if (answers.empty()) return;
  std::string packets;
  for (const MqttDeliveries::Answer& answer : answers) {
    append_mqtt_answer(packets, answer.type, answer.packet_id);
  }
  answers.clear();
  client_->send(std::move(packets), connection_);
}

}  // namespace flow::operators
