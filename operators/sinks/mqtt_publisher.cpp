#include "operators/sinks/mqtt_publisher.hpp"

#include <mqtt_protocol.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "flow/thread_name.hpp"
#include "operators/common/mqtt_socket.hpp"

namespace flow::operators {
namespace {

constexpr int kLoopMilliseconds = 100;
constexpr uint8_t kRefused = 0x80;
// The other side has finished with the message, and forgotten it: it was delivered.
constexpr uint8_t kPacketIdNotFound = 0x92;

// libmosquitto wants to be begun once a process, and ended.
struct Library {
  Library() { mosquitto_lib_init(); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library() { mosquitto_lib_cleanup(); }
};

std::string error_text_of(int error) {
  return error == MOSQ_ERR_ERRNO ? std::strerror(errno) : mosquitto_strerror(error);
}

const char* text_of(const std::optional<std::string>& option) {
  return option ? option->c_str() : nullptr;
}

}  // namespace

MqttPublisher::MqttPublisher(const MqttConnectionOptions& options, const MqttAddress& address,
                             const std::string& client_id, int in_flight, const Host& host)
    : options_(options),
      address_(address),
      client_id_(client_id),
      in_flight_(in_flight),
      host_(host) {
  static const Library kLibrary;
  client_.reset(mosquitto_new(client_id_.c_str(), true, this));
  if (client_ == nullptr) throw Failure("mqtt sink: no client: " + error_text_of(MOSQ_ERR_ERRNO));
  configure();
  connected_metric_ = host.gauge("mqtt_connected", "1 while there is a connection to the broker.");
  connections_ = host.counter("mqtt_connections", "Connections that a broker accepted.");
  failures_ = host.counter("mqtt_connection_failures", "Connections that broke or failed.");
  thread_ = std::thread([this] {
    name_thread("mqtt");
    run();
  });
}

void MqttPublisher::configure() {
  mosquitto* const client = client_.get();
  const MqttConnectionOptions& options = options_;
  mosquitto_int_option(client, MOSQ_OPT_SEND_MAXIMUM, in_flight_);
  const bool is_5 = options.version == MqttVersion::k5;
  mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION,
                       is_5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
  mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_threaded_set(client, true);
  if (options.username) {
    mosquitto_username_pw_set(client, options.username->c_str(),
                              options.password ? options.password->value.c_str() : nullptr);
  }
  if (address_.has_tls) {
    if (!options.ca_file) mosquitto_int_option(client, MOSQ_OPT_TLS_USE_OS_CERTS, 1);
    const int error = mosquitto_tls_set(
        client, text_of(options.ca_file), options.ca_file ? nullptr : "/etc/ssl/certs",
        text_of(options.certificate_file), text_of(options.key_file), nullptr);
    if (error != MOSQ_ERR_SUCCESS) {
      throw Failure("mqtt sink: cannot use " +
                    options.ca_file.value_or("the system's certificates") +
                    (options.certificate_file ? ", " + *options.certificate_file : "") + ": " +
                    error_text_of(error) + "; they must be readable PEM files");
    }
  }
  mosquitto_connect_v5_callback_set(
      client, [](mosquitto*, void* self, int reason, int, const mosquitto_property*) {
        static_cast<MqttPublisher*>(self)->on_connect(reason);
      });
  mosquitto_disconnect_v5_callback_set(
      client, [](mosquitto*, void* self, int reason, const mosquitto_property*) {
        static_cast<MqttPublisher*>(self)->on_disconnect(reason);
      });
  mosquitto_publish_v5_callback_set(
      client, [](mosquitto*, void* self, int message, int reason, const mosquitto_property*) {
        static_cast<MqttPublisher*>(self)->on_publish(message, reason);
      });
}

MqttPublisher::~MqttPublisher() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  {
    const std::lock_guard lock(client_mutex_);
    mosquitto_disconnect(client_.get());
  }
  if (thread_.joinable()) thread_.join();
  connected_metric_.record(0);
}

void MqttPublisher::run() {
  const auto keep_alive = static_cast<int>(options_.keep_alive.nanoseconds / 1'000'000'000);
  const auto is_stopping = [this] {
    const std::lock_guard lock(mutex_);
    return is_stopping_;
  };
  bool is_first = true;
  while (!is_stopping()) {
    if (!std::exchange(is_first, false)) reset();
    const int error =
        mosquitto_connect(client_.get(), address_.host.c_str(), address_.port, keep_alive);
    if (error == MOSQ_ERR_SUCCESS) {
      int state = MOSQ_ERR_SUCCESS;
      while (state == MOSQ_ERR_SUCCESS && !is_stopping()) {
        state = turn();
      }
      if (is_stopping()) return;
      // A refusal has said more than this.
      if (trouble().empty()) set_trouble("the connection broke: " + error_text_of(state));
    } else {
      set_trouble("cannot connect: " + error_text_of(error));
    }
    failures_.record(1);
    pause();
  }
}

// Waits until there is something to do, and does it.
int MqttPublisher::turn() {
  const int socket = mosquitto_socket(client_.get());
  cork_segments(socket, true);
  const int state = mosquitto_loop(client_.get(), kLoopMilliseconds, 1);
  if (state != MOSQ_ERR_SUCCESS) return state;
  cork_segments(socket, false);
  acknowledge_segments(socket);
  bool any = false;
  {
    const std::lock_guard lock(mutex_);
    any = !outcomes_.empty();
  }
  if (any) changed_.notify_all();
  return state;
}

void MqttPublisher::reset() {
  const std::lock_guard lock(client_mutex_);
  mosquitto_reinitialise(client_.get(), client_id_.c_str(), true, this);
  configure();
}

void MqttPublisher::pause() {
  const int64_t nanoseconds =
      mqtt_reconnect_pause(options_, ++attempt_, static_cast<uint32_t>(random_()));
  const bool is_said = attempt_ > 1 && attempt_ % 8 != 0;
  host_.log(is_said ? FLOW_LOG_DEBUG : FLOW_LOG_WARNING,
            "mqtt sink: " + address_.to_string() + ": " + trouble() + "; the next attempt is in " +
                std::to_string(nanoseconds / 1'000'000) + " ms");
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::nanoseconds(nanoseconds), [this] { return is_stopping_; });
}

void MqttPublisher::set_trouble(const std::string& what) {
  {
    const std::lock_guard lock(mutex_);
    trouble_ = what;
    if (std::exchange(is_connected_, false)) ++connection_;
  }
  changed_.notify_all();
  connected_metric_.record(0);
}

void MqttPublisher::on_connect(int reason) {
  if (reason != 0) {
    set_trouble("the broker refuses the client: " + mqtt_reason_text(static_cast<uint8_t>(reason),
                                                                     MqttPacketType::kConnack,
                                                                     options_.version));
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    is_connected_ = true;
    trouble_.clear();
  }
  changed_.notify_all();
  attempt_ = 0;
  connections_.record(1);
  connected_metric_.record(1);
  host_.info("mqtt sink: connected to " + address_.to_string());
}

void MqttPublisher::on_disconnect(int reason) {
  bool is_stopping = false;
  {
    const std::lock_guard lock(mutex_);
    is_stopping = is_stopping_ || !is_connected_;
  }
  if (is_stopping) return;
  const std::string why = reason >= kRefused && options_.version == MqttVersion::k5
                              ? "the broker ended it: " +
                                    mqtt_reason_text(static_cast<uint8_t>(reason),
                                                     MqttPacketType::kDisconnect, options_.version)
                              : "the connection broke: " + std::string(mosquitto_strerror(reason));
  set_trouble(why);
}

void MqttPublisher::on_publish(int message, int reason) {
  const auto code = static_cast<uint8_t>(reason);
  {
    const std::lock_guard lock(mutex_);
    outcomes_.push_back({connection_, message, code == kPacketIdNotFound ? uint8_t{0} : code});
  }
}

MqttPublisher::Sent MqttPublisher::publish(uint64_t connection, const std::string& topic,
                                           std::string_view payload, int qos, bool retain,
                                           int& message) {
  const std::lock_guard client_lock(client_mutex_);
  {
    const std::lock_guard lock(mutex_);
    if (!is_connected_ || connection != connection_) return Sent::kNoRoom;
  }
  if (payload.size() > MQTT_MAX_PAYLOAD) return Sent::kTooLarge;
  const int error =
      mosquitto_publish_v5(client_.get(), &message, topic.c_str(), static_cast<int>(payload.size()),
                           payload.data(), qos, retain, nullptr);
  switch (error) {
    case MOSQ_ERR_SUCCESS:
      return Sent::kYes;
    case MOSQ_ERR_NO_CONN:
    case MOSQ_ERR_CONN_LOST:
    case MOSQ_ERR_ERRNO:
      return Sent::kNoRoom;
    case MOSQ_ERR_PAYLOAD_SIZE:
    case MOSQ_ERR_OVERSIZE_PACKET:
      return Sent::kTooLarge;
    case MOSQ_ERR_NOMEM:
      throw std::bad_alloc();
    default:
      throw Failure("mqtt sink: the topic '" + topic +
                    "' cannot be published to: " + error_text_of(error));
  }
}

void MqttPublisher::take(std::vector<Outcome>& outcomes, int milliseconds) {
  outcomes.clear();
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::milliseconds(milliseconds),
                    [this] { return !outcomes_.empty(); });
  std::swap(outcomes, outcomes_);
}

bool MqttPublisher::wait_connected(int milliseconds) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::milliseconds(milliseconds),
                           [this] { return is_connected_; });
}

uint64_t MqttPublisher::connection() {
  const std::lock_guard lock(mutex_);
  return connection_;
}

std::string MqttPublisher::trouble() {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

}  // namespace flow::operators
