// A connection to a broker for messages to go out, on libmosquitto.
#pragma once

#include <mosquitto.h>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "flow/host.hpp"
#include "operators/common/mqtt_connection_options.hpp"

namespace flow::operators {

// Connects on a thread of its own, again whenever the connection breaks. Each connection begins
// with nothing under way: what an older one has no outcome for is the caller's to send again.
// Members may be called from one other thread.
class MqttPublisher {
 public:
  struct Outcome {
    uint64_t connection;
    int message;     // as publish() numbered it
    uint8_t reason;  // of version 5; 0x80 and above: refused
  };
  enum class Sent : uint8_t {
    kYes,      // its outcome follows
    kNoRoom,   // there is no connection: try again later
    kTooLarge  // for the protocol, or for what the broker takes
  };

  // Throws Failure for certificates that cannot be read. `in_flight`: how many messages of QoS 1
  // and 2 may be under way.
  MqttPublisher(const MqttConnectionOptions& options, const MqttAddress& address,
                const std::string& client_id, int in_flight, const Host& host);
  MqttPublisher(const MqttPublisher&) = delete;
  MqttPublisher& operator=(const MqttPublisher&) = delete;
  ~MqttPublisher();

  // On this connection; kNoRoom where it is not the newest.
  Sent publish(uint64_t connection, const std::string& topic, std::string_view payload, int qos,
               bool retain, int& message);
  // Replaces `outcomes` with those since the last call; waits up to `milliseconds` for the first.
  void take(std::vector<Outcome>& outcomes, int milliseconds);
  // Waits up to `milliseconds` for a connection. False: there is none.
  bool wait_connected(int milliseconds);
  // The number of the newest connection, or of the next one where there is none.
  uint64_t connection();
  // Why there is no connection; "" while there is one.
  std::string trouble();

 private:
  struct Destroy {
    void operator()(mosquitto* client) const { mosquitto_destroy(client); }
  };
  void configure();
  // Forgets what is under way, for a connection that begins afresh.
  void reset();
  void run();
  int turn();
  // Waits for the pause before another attempt, or for the end.
  void pause();
  void on_connect(int reason);
  void on_disconnect(int reason);
  void on_publish(int message, int reason);
  void set_trouble(const std::string& what);

  const MqttConnectionOptions& options_;
  const MqttAddress& address_;
  const std::string client_id_;
  const int in_flight_;
  const Host host_;
  std::mutex client_mutex_;  // held while libmosquitto is told something but to run
  std::unique_ptr<mosquitto, Destroy> client_;
  std::minstd_rand random_{std::random_device{}()};
  int attempt_ = 0;
  Metric connected_metric_, connections_, failures_;
  std::thread thread_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::vector<Outcome> outcomes_;
  bool is_connected_ = false;
  bool is_stopping_ = false;
  uint64_t connection_ = 0;
  std::string trouble_ = "not connected yet";
};

}  // namespace flow::operators
