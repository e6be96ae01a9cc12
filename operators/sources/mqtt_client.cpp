#include "operators/sources/mqtt_client.hpp"

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <cstring>
#include <utility>

#include "flow/thread_name.hpp"
#include "flow/utf8.hpp"
#include "operators/common/mqtt_socket.hpp"

namespace flow::operators {
namespace {

constexpr int64_t kReadBytes = 64 * 1024;
constexpr size_t kMostQueued = 65'536;  // messages that nobody took yet
constexpr size_t kFailedBytes = 1024;   // that a dead letter keeps of a message
constexpr uint16_t kSubscribeId = 1;
constexpr std::chrono::milliseconds kGoodbye{200};  // for what is still to be sent
// Head of the largest message: topic, packet id and the properties that somebody may send along.
constexpr size_t kHeadBytes = 256 * 1024;

std::string readable(std::string_view text) {
  std::string repaired;
  append_repaired_utf8(text, repaired);
  return repaired;
}

}  // namespace

MqttClient::MqttClient(MqttClientSettings settings, const Host& host)
    : settings_(std::move(settings)), host_(host) {
  connected_ = host.gauge("mqtt_connected", "1 while the broker is subscribed to.");
  connections_ = host.counter("mqtt_connections", "Connections that a broker accepted.");
  broken_ = host.counter("mqtt_connection_failures", "Connections that broke or failed.");
  if (!settings_.address.has_tls) return;
  const MqttConnectionOptions& options = settings_.connection;
  std::string file = options.ca_file.value_or("the system's certificates");
  try {
    if (options.ca_file) {
      tls_.load_verify_file(*options.ca_file);
    } else {
      tls_.set_default_verify_paths();
    }
    if (options.certificate_file) {
      file = *options.certificate_file;
      tls_.use_certificate_chain_file(file);
      file = *options.key_file;
      tls_.use_private_key_file(file, boost::asio::ssl::context::pem);
    }
  } catch (const boost::system::system_error& error) {
    throw Failure("mqtt source: cannot read " + file + ": " + error.code().message() +
                  "; it must be a PEM file");
  }
}

void MqttClient::start() {
  thread_ = std::thread([this] {
    name_thread("mqtt");
    const auto work = boost::asio::make_work_guard(io_);
    boost::asio::post(io_, [this] { connect(); });
    io_.run();
    // Handlers that never ran hold the connection.
    transport_.reset();
  });
}

void MqttClient::stop() {
  if (!thread_.joinable()) return;
  boost::asio::post(io_, [this] {
    if (state_ != State::kSubscribed) return io_.stop();
    is_stopping_ = true;
    std::string goodbye;
    append_mqtt_disconnect(goodbye);
    write(goodbye);
    arm(kGoodbye);
  });
  thread_.join();
  connected_.record(0);
}

// ---- the source's side ----

bool MqttClient::take(MqttArrivals& into, std::chrono::nanoseconds patience,
                      std::chrono::nanoseconds gather) {
  into.clear();
  bool resumes = false;
  {
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, patience, [this] { return !arrivals_.empty() || is_woken_; });
    if (!arrivals_.empty() && gather.count() > 0) {
      arrived_.wait_for(lock, gather, [this] { return wants_room_ || is_woken_; });
    }
    is_woken_ = false;
    std::swap(into, arrivals_);
    resumes = std::exchange(wants_room_, false);
  }
  if (resumes) boost::asio::post(io_, [this] { resume(); });
  return !into.empty();
}

void MqttClient::wake() {
  {
    const std::lock_guard lock(mutex_);
    is_woken_ = true;
  }
  arrived_.notify_one();
}

void MqttClient::send(std::string packets, uint64_t connection) {
  if (packets.empty() || connection != connection_.load()) return;
  boost::asio::post(io_, [this, packets = std::move(packets), connection] {
    if (connection == connection_.load() && is_accepted()) write(packets);
  });
}

// ---- the connection's side ----

void MqttClient::connect() {
  state_ = State::kConnecting;
  begin_ = end_ = skipped_ = 0;
  output_.clear();
  is_writing_ = false;
  is_reading_ = false;
  transport_ = settings_.address.has_tls
                   ? make_mqtt_tls_transport(io_, tls_, settings_.address.host)
                   : make_mqtt_transport(io_);
  arm(std::chrono::nanoseconds(settings_.connection.connect_timeout.nanoseconds));
  const Transport transport = transport_;
  resolver_.async_resolve(
      settings_.address.host, std::to_string(settings_.address.port),
      [this, transport](const Error& error, const auto& addresses) {
        if (!is_current(transport)) return;
        if (error) return lose("cannot find the host: " + error.message());
        boost::asio::async_connect(
            transport->socket(), addresses, [this, transport](const Error& refused, const auto&) {
              if (!is_current(transport)) return;
              if (refused) return lose("cannot connect: " + refused.message());
              Error ignored;
              transport->socket().set_option(boost::asio::ip::tcp::no_delay(true), ignored);
              transport->handshake([this, transport](const Error& failed, size_t) {
                if (!is_current(transport)) return;
                if (!failed) return greet();
                const std::string more = transport->trouble();
                lose("TLS: " + failed.message() + (more.empty() ? "" : ": " + more));
              });
            });
      });
}

void MqttClient::greet() {
  state_ = State::kGreeting;
  const MqttConnectionOptions& options = settings_.connection;
  MqttConnect connect;
  connect.version = options.version;
  connect.client_id = settings_.client_id;
  connect.clean_start = settings_.session_expiry == 0;
  connect.keep_alive = static_cast<uint16_t>(options.keep_alive.nanoseconds / 1'000'000'000);
  connect.session_expiry = settings_.session_expiry;
  connect.receive_maximum = settings_.receive_maximum;
  connect.username = options.username;
  if (options.password) connect.password = options.password->value;
  keep_alive_ = std::chrono::seconds(connect.keep_alive);
  std::string packet;
  append_mqtt_connect(packet, connect);
  write(packet);
  read();
}

void MqttClient::make_room() {
  const auto size = end_ - begin_;
  size_t wanted = kReadBytes;
  if (size > 0) {
    const auto* const bytes = static_cast<const char*>(input_->data) + begin_;
    const auto header = parse_mqtt_header({bytes, size});
    if (header && skipped_ == 0) {
      wanted = std::max(wanted, std::min(header->whole(), settings_.largest_payload + kHeadBytes));
    }
  }
  const size_t capacity = input_ ? static_cast<size_t>(input_->capacity) : 0;
  // A large message's buffer is let go when the message is.
  const bool is_too_large = size < kReadBytes / 2 && wanted == kReadBytes && capacity > 4 * wanted;
  if (capacity < wanted || is_too_large) {
    Buffer fresh = host_.allocate(static_cast<int64_t>(wanted));
    if (size > 0) {
      std::memcpy(fresh->data, static_cast<const char*>(input_->data) + begin_, size);
    }
    input_ = std::move(fresh);
  } else if (begin_ > 0 && size > 0) {
    std::memmove(input_->data, static_cast<const char*>(input_->data) + begin_, size);
  }
  begin_ = 0;
  end_ = size;
}

void MqttClient::read() {
  is_reading_ = true;
  make_room();
  const Transport transport = transport_;
  const Buffer input = input_;  // lives until the handler ran
  const auto room = static_cast<size_t>(input_->capacity) - end_;
  transport_->read_some(boost::asio::buffer(static_cast<char*>(input_->data) + end_, room),
                        [this, transport, input](const Error& error, size_t n) {
                          if (!is_current(transport)) return;
                          if (error) return lose("the connection broke: " + error.message());
                          acknowledge_segments(transport->socket().native_handle());
                          is_reading_ = false;
                          heard_ = Clock::now();
                          end_ += n;
                          parse();
                        });
}

void MqttClient::parse() {
  if (is_stopping_) {
    begin_ = end_ = 0;
    return read();
  }
  try {
    const auto* const bytes = static_cast<const char*>(input_->data);
    const Transport transport = transport_;
    while (is_current(transport) && begin_ < end_) {
      if (!parse_packet({bytes + begin_, end_ - begin_})) break;
    }
    if (!is_current(transport) || state_ == State::kApart) return;
    if (!is_full()) read();
  } catch (const MqttProtocolError& error) {
    lose(std::string("the broker sent ") + error.what() + ", which is no MQTT");
  }
}

// Takes one packet off the front. False: more bytes are needed.
bool MqttClient::parse_packet(std::string_view bytes) {
  if (skipped_ > 0) {
    const size_t n = std::min(skipped_, bytes.size());
    skipped_ -= n;
    begin_ += n;
    return true;
  }
  const auto header = parse_mqtt_header(bytes);
  if (!header) return false;
  const bool is_answer =
      header->type == MqttPacketType::kConnack || header->type == MqttPacketType::kDisconnect;
  if (!is_accepted() && !is_answer) {
    throw MqttProtocolError("a packet of type " + std::to_string(static_cast<int>(header->type)) +
                            " before its CONNACK");
  }
  const bool is_message = header->type == MqttPacketType::kPublish;
  const size_t most = settings_.largest_payload + kHeadBytes;
  if (is_message && header->body > settings_.largest_payload) {
    // Whether its payload is too large can be told once its head is there.
    if (bytes.size() < std::min(header->whole(), most)) return false;
    on_large_message(*header, bytes);
    return true;
  }
  if (!is_message && header->body > kHeadBytes) {
    throw MqttProtocolError("a packet of " + std::to_string(header->body) + " bytes");
  }
  if (bytes.size() < header->whole()) return false;
  begin_ += header->whole();
  handle(*header, bytes.substr(header->size, header->body));
  return true;
}

void MqttClient::on_large_message(const MqttHeader& header, std::string_view bytes) {
  const std::string_view body = bytes.substr(header.size, header.body);
  MqttPublish message = parse_mqtt_publish(header.flags, body, settings_.connection.version);
  const size_t payload = header.body - (body.size() - message.payload.size());
  const size_t there = std::min(bytes.size(), header.whole());
  begin_ += there;
  skipped_ = header.whole() - there;
  if (payload <= settings_.largest_payload && skipped_ == 0) {
    on_message(message, MqttArrivals::Kind::kMessage);
    return;
  }
  message.payload = message.payload.substr(0, kFailedBytes);
  on_message(message, MqttArrivals::Kind::kTooLarge);
}

void MqttClient::handle(const MqttHeader& header, std::string_view body) {
  const MqttVersion version = settings_.connection.version;
  switch (header.type) {
    case MqttPacketType::kConnack:
      return on_connack(body);
    case MqttPacketType::kSuback:
      return on_suback(body);
    case MqttPacketType::kPublish:
      return on_message(parse_mqtt_publish(header.flags, body, version),
                        MqttArrivals::Kind::kMessage);
    case MqttPacketType::kPubrel: {
      const uint16_t id = parse_mqtt_packet_id(body);
      {
        const std::lock_guard lock(mutex_);
        arrivals_.add_release(id);
      }
      arrived_.notify_one();
      return;
    }
    case MqttPacketType::kPingresp:
      return;
    case MqttPacketType::kDisconnect: {
      const MqttDisconnect told = parse_mqtt_disconnect(body, version);
      std::string reason = "the broker ended it: ";
      reason += mqtt_reason_text(told.reason, header.type, version);
      if (!told.reason_text.empty()) reason.append(": ").append(readable(told.reason_text));
      return lose(reason);
    }
    default:
      throw MqttProtocolError("a packet of type " + std::to_string(static_cast<int>(header.type)) +
                              ", which is the client's to send");
  }
}

void MqttClient::on_connack(std::string_view body) {
  if (state_ != State::kGreeting) throw MqttProtocolError("a second CONNACK");
  const MqttVersion version = settings_.connection.version;
  const MqttConnack connack = parse_mqtt_connack(body, version);
  if (connack.reason != 0) {
    std::string reason = "the broker refuses the client: ";
    reason += mqtt_reason_text(connack.reason, MqttPacketType::kConnack, version);
    if (!connack.reason_text.empty()) reason.append(": ").append(readable(connack.reason_text));
    return lose(reason);
  }
  if (connack.keep_alive) keep_alive_ = std::chrono::seconds(*connack.keep_alive);
  if (keep_alive_ == Clock::duration::zero()) keep_alive_ = std::chrono::hours(1);
  session_present_ = connack.session_present;
  {
    const std::lock_guard lock(mutex_);
    arrivals_.add_connection(++connection_, session_present_);
  }
  arrived_.notify_one();
  state_ = State::kSubscribing;
  // With 3.1.1, subscribing again would bring all retained messages again.
  if (session_present_ && has_subscribed_) return subscribed(true);
  std::string packet;
  append_mqtt_subscribe(packet, kSubscribeId, settings_.filters, settings_.qos, version);
  write(packet);
}

void MqttClient::on_suback(std::string_view body) {
  const MqttVersion version = settings_.connection.version;
  const MqttSuback suback = parse_mqtt_suback(body, version);
  if (state_ != State::kSubscribing || suback.reasons.size() != settings_.filters.size()) {
    throw MqttProtocolError("a SUBACK that answers nothing");
  }
  for (size_t i = 0; i < suback.reasons.size(); ++i) {
    const auto reason = static_cast<uint8_t>(suback.reasons[i]);
    if (reason < 0x80) continue;
    return lose("the broker refuses the topic '" + settings_.filters[i] +
                "': " + mqtt_reason_text(reason, MqttPacketType::kSuback, version));
  }
  subscribed(session_present_);
}

void MqttClient::subscribed(bool session_present) {
  state_ = State::kSubscribed;
  has_subscribed_ = true;
  attempt_ = 0;
  is_said_ = false;
  connections_.record(1);
  connected_.record(1);
  host_.info("mqtt source: subscribed at " + settings_.address.to_string() + " as '" +
             settings_.client_id + "'" +
             (session_present ? ", going on with the session that the broker kept" : ""));
  arm(keep_alive_ / 2);
}

void MqttClient::on_message(const MqttPublish& message, MqttArrivals::Kind kind) {
  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    was_empty = arrivals_.empty();
    arrivals_.add(host_, message, kind);
  }
  if (was_empty) arrived_.notify_one();
}

bool MqttClient::is_full() {
  {
    const std::lock_guard lock(mutex_);
    if (arrivals_.bytes() < settings_.buffer_bytes && arrivals_.items().size() < kMostQueued) {
      return false;
    }
    wants_room_ = true;
  }
  arrived_.notify_one();
  return true;
}

void MqttClient::resume() {
  if (!is_accepted() || is_reading_) return;
  heard_ = Clock::now();
  parse();
}

void MqttClient::write(std::string_view packets) {
  output_.append(packets);
  spoken_ = Clock::now();
  if (!is_writing_) write_more();
}

void MqttClient::write_more() {
  is_writing_ = !output_.empty();
  if (!is_writing_) {
    if (is_stopping_) say_goodbye();
    return;
  }
  const Transport transport = transport_;
  // Lives until the handler ran.
  const auto bytes = std::make_shared<const std::string>(std::exchange(output_, {}));
  transport_->write(boost::asio::buffer(*bytes),
                    [this, transport, bytes](const Error& error, size_t) {
                      if (!is_current(transport)) return;
                      if (error) return lose("the connection broke: " + error.message());
                      write_more();
                    });
}

// A socket that is closed with something unread would take back what was sent last: so it is read
// until the broker closes its side.
void MqttClient::say_goodbye() {
  Error ignored;
  transport_->socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  if (!is_reading_) read();
}

void MqttClient::lose(const std::string& reason) {
  if (is_stopping_) return io_.stop();
  Error ignored;
  transport_->socket().close(ignored);
  transport_.reset();
  resolver_.cancel();
  state_ = State::kApart;
  ++connection_;  // answers for the one that broke mean nothing any more
  connected_.record(0);
  broken_.record(1);
  const int64_t pause =
      mqtt_reconnect_pause(settings_.connection, ++attempt_, static_cast<uint32_t>(random_()));
  const std::string message = "mqtt source: " + settings_.address.to_string() + ": " + reason;
  if (std::exchange(is_said_, true) && attempt_ % 8 != 0) {
    host_.log(FLOW_LOG_DEBUG, message);
  } else {
    host_.warn(message + "; the next attempt is in " + std::to_string(pause / 1'000'000) + " ms");
  }
  arm(std::chrono::nanoseconds(pause));
}

void MqttClient::arm(Clock::duration after) {
  timer_.expires_after(after);
  timer_.async_wait([this](const Error& error) {
    if (!error) on_time();
  });
}

void MqttClient::on_time() {
  if (is_stopping_) return io_.stop();
  if (Clock::now() < timer_.expiry()) return;  // it was set anew meanwhile
  if (state_ == State::kApart) return connect();
  if (state_ != State::kSubscribed) return lose("the broker does not answer in time");
  const auto now = Clock::now();
  // While reading waits for room, nothing can be heard.
  if (is_reading_ && now - heard_ >= 2 * keep_alive_) {
    return lose("nothing was heard of the broker for twice keep_alive");
  }
  if (now - spoken_ >= keep_alive_ / 2) {
    std::string ping;
    append_mqtt_pingreq(ping);
    write(ping);
  }
  arm(keep_alive_ / 2);
}

}  // namespace flow::operators
