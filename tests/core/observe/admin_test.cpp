#include "core/observe/admin.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/observe/health.hpp"
#include "core/observe/metrics.hpp"

namespace flowrun::admin_test {
namespace {

// Sends `request` over loopback and reads until the peer closes.
std::string converse(int port, const std::string& request) {
  const int peer = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (::connect(peer, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
      ::send(peer, request.data(), request.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(request.size())) {
    char piece[4096];
    for (ssize_t got; (got = ::recv(peer, piece, sizeof(piece), 0)) > 0;) {
      answer.append(piece, static_cast<std::size_t>(got));
    }
  }
  ::close(peer);
  return answer;
}

std::string ask(int port, const std::string& path, const std::string& method = "GET") {
  return converse(port, method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
}

std::string body(const std::string& answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  return end == std::string::npos ? "" : answer.substr(end + 4);
}

std::string failure_of(const std::string& address) {
  try {
    const AdminListener listener(address, {});
  } catch (const std::runtime_error& failure) {
    return failure.what();
  }
  return "";
}

class AdminTest : public testing::Test {
 protected:
  MetricsRegistry metrics_{"weblogs", {"0.1.0", "GNU", "Debug", "1.0"}};
  Health health_{"weblogs"};
  AdminListener listener_{"127.0.0.1:0", standard_routes(metrics_, health_)};
};

TEST_F(AdminTest, ReportsThePortReallyBound) {
  EXPECT_GT(listener_.port(), 0);
  EXPECT_EQ(listener_.address(), "127.0.0.1:" + std::to_string(listener_.port()));
}

TEST_F(AdminTest, MetricsAreServedInPrometheusTextFormat) {
  const std::string answer = ask(listener_.port(), "/metrics?from=test");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_NE(answer.find("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"),
            std::string::npos);
  EXPECT_NE(body(answer).find("flowrun_unaccounted_rows{pipeline=\"weblogs\"} 0\n"),
            std::string::npos);
}

TEST_F(AdminTest, ReadinessFollowsThePipeline) {
  health_.expect("index");
  EXPECT_TRUE(ask(listener_.port(), "/readyz").starts_with("HTTP/1.1 503 "));
  EXPECT_NE(body(ask(listener_.port(), "/readyz")).find("component index is not open"),
            std::string::npos);
  health_.opened("index");
  health_.running();
  const std::string ready = ask(listener_.port(), "/readyz");
  EXPECT_TRUE(ready.starts_with("HTTP/1.1 200 "));
  EXPECT_NE(ready.find("Content-Type: application/json\r\n"), std::string::npos);
  health_.draining("SIGTERM");
  EXPECT_TRUE(ask(listener_.port(), "/readyz").starts_with("HTTP/1.1 503 "));
  EXPECT_TRUE(ask(listener_.port(), "/healthz").starts_with("HTTP/1.1 200 "));
  health_.failed("index is gone");
  EXPECT_TRUE(ask(listener_.port(), "/healthz").starts_with("HTTP/1.1 503 "));
  EXPECT_NE(body(ask(listener_.port(), "/healthz")).find("index is gone"), std::string::npos);
}

TEST_F(AdminTest, HeadHasTheHeadersOfGetAndNoBody) {
  const std::string get = ask(listener_.port(), "/healthz");
  const std::string head = ask(listener_.port(), "/healthz", "HEAD");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 "));
  EXPECT_NE(head.find("Content-Length: " + std::to_string(body(get).size()) + "\r\n"),
            std::string::npos);
  EXPECT_EQ(body(head), "");
}

TEST_F(AdminTest, OtherPathsAnswerWithTheListOfPaths) {
  for (const std::string path : {"/", "/metric", "/metrics/", "/metrics/x", "/../etc/passwd"}) {
    const std::string answer = ask(listener_.port(), path);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 404 ")) << path << "\n" << answer;
    EXPECT_NE(body(answer).find("/healthz\n/metrics\n/readyz\n"), std::string::npos) << path;
  }
}

TEST_F(AdminTest, OtherMethodsAreRefused) {
  for (const std::string method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS"}) {
    const std::string answer =
        converse(listener_.port(),
                 method + " /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 405 ")) << method << "\n" << answer;
    EXPECT_NE(answer.find("Allow: GET, HEAD\r\n"), std::string::npos) << method;
  }
}

TEST_F(AdminTest, GarbageDoesNotStopTheListener) {
  converse(listener_.port(), std::string("\0\xFF\x01 nonsense\r\n\r\n", 16));
  converse(listener_.port(), "GET " + std::string(100000, 'x') + " HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(ask(listener_.port(), "/healthz").starts_with("HTTP/1.1 200 "));
}

TEST_F(AdminTest, ManyClientsAreServedAtOnce) {
  std::vector<std::thread> clients;
  std::vector<int> good(8, 0);
  clients.reserve(good.size());
  for (int& answers : good) {
    clients.emplace_back([this, &answers] {
      for (int time = 0; time < 10; ++time) {
        answers += ask(listener_.port(), "/metrics").starts_with("HTTP/1.1 200 ");
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good, std::vector<int>(8, 10));
}

TEST_F(AdminTest, TakenAddressIsRefusedWithTheRemedy) {
  const std::string failure = failure_of(listener_.address());
  EXPECT_NE(failure.find("cannot listen on " + listener_.address()), std::string::npos) << failure;
  EXPECT_NE(failure.find("--admin off"), std::string::npos) << failure;
}

TEST(AdminListenerTest, NonsenseAddressIsRefusedWithTheRemedy) {
  for (const std::string address : {"", "9464", "localhost", ":9464", "127.0.0.1:", "host:99999",
                                    "host:12,34", "host:80s", "[::1:80", "a b:1", "host:-1"}) {
    const std::string failure = failure_of(address);
    EXPECT_NE(failure.find("HOST:PORT"), std::string::npos) << "'" << address << "': " << failure;
    EXPECT_NE(failure.find("--admin off"), std::string::npos) << address;
  }
}

TEST(AdminListenerTest, RouteThatThrowsAnswersWith500) {
  AdminRoutes routes;
  routes["/bad"] = []() -> AdminResponse { throw std::runtime_error("broken page"); };
  const AdminListener listener("localhost:0", std::move(routes));
  const std::string answer = ask(listener.port(), "/bad");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 500 ")) << answer;
  EXPECT_EQ(body(answer), "broken page\n");
}

TEST(AdminListenerTest, PortIsFreeAgainAfterwards) {
  auto listener = std::make_unique<AdminListener>("127.0.0.1:0", AdminRoutes{});
  const std::string address = listener->address();
  const int port = listener->port();
  listener.reset();
  EXPECT_EQ(ask(port, "/"), "");
  EXPECT_EQ(failure_of(address), "");
}

TEST(AdminListenerTest, StoppingDoesNotHoldUpTheEndOfARun) {
  auto listener = std::make_unique<AdminListener>("127.0.0.1:0", AdminRoutes{});
  ask(listener->port(), "/");
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // it waits for clients again
  const auto start = std::chrono::steady_clock::now();
  listener.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

TEST(AdminListenerTest, CallersSignalsStayUnblocked) {
  const AdminListener listener("127.0.0.1:0", {});
  sigset_t blocked;
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, nullptr, &blocked), 0);
  EXPECT_EQ(sigismember(&blocked, SIGTERM), 0);
}

}  // namespace
}  // namespace flowrun::admin_test
