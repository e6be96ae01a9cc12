// A subscriber of MQTT that answers a message when it is told to, and not before.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "flow/host.hpp"
#include "operators/common/mqtt_connection_options.hpp"
#include "operators/sources/mqtt_arrivals.hpp"
#include "operators/sources/mqtt_transport.hpp"

namespace flow::operators {

struct MqttClientSettings {
  MqttConnectionOptions connection;
  MqttAddress address;
  std::string client_id;
  std::vector<std::string> filters;
  uint8_t qos = 1;
  uint32_t session_expiry = 0;  // seconds; 0: no session is kept
  uint16_t receive_maximum = 1;
  size_t largest_payload = 0;
  int64_t buffer_bytes = 0;  // of messages that nobody took yet, beside the newest
};

// Has a thread of its own for the connection: it connects, again whenever the connection breaks,
// subscribes, reads while there is room, and pings. Members may be called from one other thread,
// wake() from any.
class MqttClient {
 public:
  // Reads the certificates. Throws Failure where they cannot be read.
  MqttClient(MqttClientSettings settings, const Host& host);
  MqttClient(const MqttClient&) = delete;
  MqttClient& operator=(const MqttClient&) = delete;
  ~MqttClient() { stop(); }

  void start();
  // Says goodbye to the broker, and ends the thread. Idempotent.
  void stop();

  // Takes what has arrived, in exchange for an empty `into`. Waits up to `patience` for the first
  // of it, then up to `gather` for more; wake() ends the wait. False: nothing.
  bool take(MqttArrivals& into, std::chrono::nanoseconds patience, std::chrono::nanoseconds gather);
  void wake();
  // Sends whole packets if `connection` is still the newest; else they mean nothing any more.
  void send(std::string packets, uint64_t connection);
  // Whether `connection` is the newest, and as far as is known not broken.
  bool is_newest(uint64_t connection) const { return connection == connection_.load(); }

 private:
  using Clock = std::chrono::steady_clock;
  using Error = MqttTransport::Error;
  using Transport = std::shared_ptr<MqttTransport>;
  enum class State : uint8_t { kApart, kConnecting, kGreeting, kSubscribing, kSubscribed };

  // Everything from here on runs on the connection's thread.
  void connect();
  void greet();
  void read();
  void parse();
  bool parse_packet(std::string_view bytes);
  void handle(const MqttHeader& header, std::string_view body);
  void on_connack(std::string_view body);
  void on_suback(std::string_view body);
  void on_large_message(const MqttHeader& header, std::string_view bytes);
  void on_message(const MqttPublish& message, MqttArrivals::Kind kind);
  void subscribed(bool session_present);
  void write(std::string_view packets);
  void write_more();
  void say_goodbye();
  // Whether nobody takes what has arrived: reading waits.
  bool is_full();
  void resume();
  // The connection is over, for this reason; another one follows.
  void lose(const std::string& reason);
  void arm(Clock::duration after);
  void on_time();
  bool is_current(const Transport& transport) const { return transport == transport_; }
  bool is_accepted() const { return state_ == State::kSubscribing || state_ == State::kSubscribed; }
  void make_room();

  const MqttClientSettings settings_;
  const Host host_;
  boost::asio::io_context io_;
  boost::asio::ssl::context tls_{boost::asio::ssl::context::tls_client};
  boost::asio::ip::tcp::resolver resolver_{io_};
  boost::asio::steady_timer timer_{io_};
  Transport transport_;
  State state_ = State::kApart;
  std::atomic<uint64_t> connection_{0};
  bool has_subscribed_ = false;  // in the session that the broker keeps
  bool session_present_ = false;
  bool is_reading_ = false;
  bool is_writing_ = false;
  bool is_stopping_ = false;
  bool is_said_ = false;  // that it is apart: once a time apart
  int attempt_ = 0;
  std::minstd_rand random_{std::random_device{}()};
  Clock::duration keep_alive_{};
  Clock::time_point heard_, spoken_;
  Buffer input_;  // bytes [begin_, end_) are not parsed yet
  size_t begin_ = 0;
  size_t end_ = 0;
  size_t skipped_ = 0;  // bytes that are still to come of a message that is too large
  std::string output_;  // to be sent behind what is under way
  Metric connected_, connections_, broken_;
  std::thread thread_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable arrived_;
  MqttArrivals arrivals_;
  bool is_woken_ = false;
  bool wants_room_ = false;  // reading waits for take()
};

}  // namespace flow::operators
