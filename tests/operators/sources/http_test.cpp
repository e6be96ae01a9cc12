#include "operators/sources/http.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "operators/common/compression.hpp"
#include "tests/operators/sources/http_runner.hpp"

namespace flow::operators::http_test {
namespace {

using flow::testing::free_port;
using flow::testing::Harness;
using flow::testing::HttpClient;
using flow::testing::HttpResponse;
using flow::testing::HttpRunner;
using flow::testing::Setting;
using flow::testing::Settings;
using Clock = std::chrono::steady_clock;
using Texts = std::vector<std::string>;

constexpr const char* kAuthorized = "Authorization: Bearer secret\r\n";

std::string refusal(const Settings& settings) {
  try {
    auto harness = Harness::of<HttpSource>(settings);
    harness.assign(harness.host().offered.at(0));
  } catch (const std::exception& error) {
    return error.what();
  }
  return {};
}

std::string zipped(std::string_view text) {
  std::string out;
  make_compressor(Compression::kGzip, 6)->compress(text, out);
  return out;
}

TEST(HttpSource, TakesAnObjectLinesOrAnArray) {
  HttpRunner runner;
  runner.start();
  EXPECT_EQ(runner.post(R"({"a":1})").status, 202);
  EXPECT_EQ(runner.post("{\"a\":2}\n{\"a\":3}\n").body, "{\"accepted\":2}\n");
  EXPECT_EQ(runner.post(R"([{"a":4}, {"a":5}])").body, "{\"accepted\":2}\n");
  EXPECT_EQ(runner.bodies(), (Texts{"{\"a\":1}", "{\"a\":2}\n{\"a\":3}", "{\"a\":4}\n {\"a\":5}"}));
  EXPECT_EQ(runner.harness().metric("http_requests"), 3);
}

TEST(HttpSource, ConnectionsStayOpenAndCarryRequestsThatCameTogether) {
  HttpRunner runner;
  runner.start();
  HttpClient client(runner.port());
  std::string both;
  for (int i = 0; i < 50; ++i) {
    both += "POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
  }
  client.write(both);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(client.read().status, 202);
  client.write("POST /events HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_TRUE(client.read().has("Connection: close"));
  EXPECT_TRUE(client.is_closed());
  EXPECT_EQ(runner.bodies().size(), 51U);
}

TEST(HttpSource, SaysWhichRecordsAreNone) {
  HttpRunner runner;
  runner.start();
  const HttpResponse response = runner.post("{\"a\":1}\n{\"a\":\n{\"a\":3}\nnull\n");
  EXPECT_EQ(response.status, 400);
  EXPECT_TRUE(
      response.has(R"({"accepted":2,"rejected":2,"errors":[{"record":2,"line":2,"offset":13,)"))
      << response.body;
  EXPECT_TRUE(
      response.has(R"({"record":4,"line":4,"offset":22,"message":"a record is an object"})"))
      << response.body;
  EXPECT_EQ(runner.bodies(), (Texts{"{\"a\":1}", "{\"a\":3}"}));
  const auto& failed = runner.harness().failed();
  ASSERT_EQ(failed.size(), 2U);
  EXPECT_EQ(failed[0].reason, "bad_json");
  EXPECT_EQ(failed[1].record, "null");
}

TEST(HttpSource, RefusesWhatIsNoRequestForIt) {
  HttpRunner runner({{"max_body", 1000}});
  runner.start();
  EXPECT_EQ(runner.post("").status, 400);
  EXPECT_EQ(runner.post(" \n ").status, 400);
  EXPECT_EQ(HttpClient(runner.port()).post("/other", "{}").status, 503);  // it might come
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  EXPECT_EQ(HttpClient(runner.port()).post("/other", "{}").status, 404);
  const HttpResponse method = HttpClient(runner.port()).get("/events");
  EXPECT_EQ(method.status, 405);
  EXPECT_TRUE(method.has("Allow: POST"));
  EXPECT_EQ(runner.post("{}", "Content-Encoding: br\r\n").status, 415);
  EXPECT_EQ(runner.post(std::string(1001, ' ')).status, 413);
  EXPECT_EQ(
      HttpClient(runner.port()).post("/events", "{}", "Transfer-Encoding: nonsense\r\n").status,
      400);
  EXPECT_EQ(runner.post("{}", "Transfer-Encoding: chunked\r\n").status, 400);  // and a length
  HttpClient garbage(runner.port());
  garbage.write("\x16\x03\x01 what is this\r\n\r\n");
  EXPECT_EQ(garbage.read().status, 400);
  EXPECT_TRUE(garbage.is_closed());
  EXPECT_TRUE(runner.bodies().empty());
}

TEST(HttpSource, ReadsChunksAndRefusesChunkedNonsense) {
  HttpRunner runner({{"max_body", 4000}});
  runner.start();
  const std::string head = "POST /events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  HttpClient good(runner.port());
  good.write(head + "4\r\n{\"a\"\r\n");
  good.write("3;x=y\r\n:1}\r\n0\r\nTrailer: z\r\n\r\n");
  EXPECT_EQ(good.read().status, 202);
  for (const std::string nonsense : {"zz\r\n{}\r\n0\r\n\r\n", "ffffffffffffffffff\r\n{}",
                                     "2\r\n{}XX\r\n", "-2\r\n{}\r\n0\r\n\r\n", "\r\n\r\n"}) {
    HttpClient client(runner.port());
    client.write(head + nonsense);
    EXPECT_EQ(client.read().status, 400) << nonsense;
    EXPECT_TRUE(client.is_closed());
  }
  HttpClient extended(runner.port());
  extended.write(head + "2;");
  for (int i = 0; i < 100 && extended.write(std::string(4096, 'x')); ++i) {
  }
  EXPECT_EQ(extended.read().status, 400);
  HttpClient endless(runner.port());
  endless.write(head);
  for (int i = 0; i < 10 && endless.write("1f4\r\n" + std::string(500, ' ') + "\r\n"); ++i) {
  }
  EXPECT_EQ(endless.read().status, 413);
  EXPECT_EQ(runner.bodies(), Texts{"{\"a\":1}"});
}

TEST(HttpSource, BodiesThatAreCutOffLeaveNothing) {
  HttpRunner runner;
  runner.start();
  {
    HttpClient client(runner.port());
    client.write("POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"a\":1}");
    client.end();
    EXPECT_EQ(client.read().status, 0);
  }
  EXPECT_EQ(runner.post("{}").status, 202);
  EXPECT_EQ(runner.bodies(), Texts{"{}"});
}

TEST(HttpSource, TakesGzipAndBoundsWhatItComesTo) {
  HttpRunner runner({{"max_body", 1 << 20}});
  runner.start();
  const std::string headers = "Content-Encoding: gzip\r\n";
  EXPECT_EQ(runner.post(zipped("{\"a\":1}\n{\"a\":2}"), headers).status, 202);
  const std::string large = "{\"a\":\"" + std::string(900'000, 'x') + "\"}";
  EXPECT_EQ(runner.post(zipped(large), headers).status, 202);
  // 100 MB in 100 KB.
  EXPECT_EQ(runner.post(zipped(std::string(size_t{100} << 20, ' ')), headers).status, 413);
  EXPECT_EQ(runner.post("no gzip", headers).status, 400);
  const std::string whole = zipped("{\"a\":1}");
  EXPECT_EQ(runner.post(whole.substr(0, whole.size() / 2), headers).status, 400);
  EXPECT_EQ(runner.bodies(), (Texts{"{\"a\":1}\n{\"a\":2}", large}));
}

TEST(HttpSource, SendsOfContinueToThoseWhoWaitForIt) {
  HttpRunner runner;
  runner.start();
  HttpClient client(runner.port());
  client.write(
      "POST /events HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.read().status, 100);
  client.write("{}");
  EXPECT_EQ(client.read().status, 202);
}

TEST(HttpSource, HeaderOfAMebibyteIsRefused) {
  HttpRunner runner;
  runner.start();
  HttpClient client(runner.port());
  client.write("POST /events HTTP/1.1\r\nX-Large: " + std::string(1 << 20, 'x') + "\r\n\r\n");
  EXPECT_EQ(client.read().status, 431);
  EXPECT_EQ(runner.post("{}").status, 202);
}

TEST(HttpSource, LetsInWhoKnowsTheTokenOrThePassword) {
  HttpRunner runner({{"token", "secret"}, {"username", "me"}, {"password", "pass:word"}});
  runner.start();
  const HttpResponse refused = runner.post("{}");
  EXPECT_EQ(refused.status, 401);
  EXPECT_TRUE(refused.has("WWW-Authenticate: Bearer, Basic realm"));
  EXPECT_EQ(runner.post("{}", "Authorization: Bearer secreT\r\n").status, 401);
  EXPECT_EQ(runner.post("{}", "Authorization: Bearer secret2\r\n").status, 401);
  EXPECT_EQ(runner.post("{}", "Authorization: Bearer\r\n").status, 401);
  EXPECT_EQ(runner.post("{}", "Authorization: Basic secret\r\n").status, 401);
  EXPECT_EQ(runner.post("{}", kAuthorized).status, 202);
  EXPECT_EQ(runner.post("{}", "authorization: bearer  secret\r\n").status, 202);
  EXPECT_EQ(runner.post("{}", "Authorization: Basic bWU6cGFzczp3b3Jk\r\n").status, 202);
  EXPECT_EQ(runner.bodies().size(), 3U);
}

TEST(HttpSource, DoesNotListenWhereOthersCanReachItUnlessItIsToldTo) {
  const std::string open = "0.0.0.0:" + std::to_string(free_port());
  EXPECT_NE(refusal({{"listen", open}}).find("allow_anonymous"), std::string::npos);
  EXPECT_EQ(refusal({{"listen", open}, {"token", "secret"}}), "");
  EXPECT_EQ(refusal({{"listen", open}, {"allow_anonymous", true}}), "");
  EXPECT_NE(refusal({{"listen", "127.0.0.1"}}).find("port"), std::string::npos);
  EXPECT_NE(refusal({{"listen", "example.com:80"}}).find("no IP address"), std::string::npos);
  EXPECT_NE(refusal({{"username", "me"}}).find("go together"), std::string::npos);
  EXPECT_NE(refusal({{"path", "events"}}).find("no path"), std::string::npos);
  EXPECT_NE(refusal({{"columns", Setting(Texts{"nonsense"})}}).find("there is no"),
            std::string::npos);
}

TEST(HttpSource, ComponentsShareAnAddressButNoPath) {
  HttpRunner runner;
  runner.start();
  const Settings other = {{"listen", runner.address()}, {"path", "/other"}};
  EXPECT_EQ(refusal(other), "");
  EXPECT_NE(refusal({{"listen", runner.address()}}).find("another component has the path /events"),
            std::string::npos);
  EXPECT_NE(refusal({{"listen", runner.address()}, {"path", "/x"}, {"max_connections", 7}})
                .find("another `max_connections`"),
            std::string::npos);
}

TEST(HttpSource, SaysThatThePortIsTaken) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = flow::testing::loopback(0);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(socket, 1), 0);
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  const std::string listen = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  EXPECT_NE(refusal({{"listen", listen}}).find("cannot listen on " + listen), std::string::npos);
  EXPECT_NE(refusal({{"listen", listen}}).find("set another `listen`"), std::string::npos);
  ::close(socket);
}

TEST(HttpSource, ColumnsTellOfTheRequest) {
  HttpRunner runner(
      {{"columns", Setting(Texts{"remote_address", "path", "query", "request_id", "received"})},
       {"headers", Setting(Texts{"User-Agent", "X-None"})},
       {"prefix", "http_"}});
  runner.harness().set_clock(1'000'000'000);
  runner.start();
  EXPECT_EQ(HttpClient(runner.port()).post("/events?a=b", "{}\n7\n{}", "user-agent: me\r\n").status,
            400);
  runner.stop();
  const flow::testing::Table rows = runner.harness().pull();
  ASSERT_EQ(rows.rows(), 2);  // what is between the bad ones
  std::vector<std::string> names;
  for (const auto& column : rows.columns) names.push_back(column.name);
  EXPECT_EQ(names, (Texts{"body", "http_remote_address", "http_path", "http_query", "request_id",
                          "http_received", "http_user_agent", "http_x_none"}));
  const auto cells = [&](size_t column) { return rows.columns[column].cells[1]; };
  EXPECT_EQ(cells(1), flow::testing::Cell("127.0.0.1"));
  EXPECT_EQ(cells(3), flow::testing::Cell("a=b"));
  EXPECT_EQ(cells(6), flow::testing::Cell("me"));
  EXPECT_EQ(cells(7), flow::testing::Cell(nullptr));
}

TEST(HttpSource, AnswersWhenTheJournalHasItIfAskedTo) {
  HttpRunner runner({{"acknowledge", "durable"}}, true);
  runner.start();
  std::atomic<int> status{0};
  std::thread client([&] { status = runner.post("{\"a\":1}").status; });
  std::string position;
  while (position.empty()) {
    runner.with([&](Harness& harness) {
      if (!harness.host().emissions.empty()) position = harness.host().emissions.back().position;
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(status, 0);
  runner.with([&](Harness& harness) {
    harness.op()->acknowledge(harness.op(), runner.partition().c_str(), position.data(),
                              static_cast<uint32_t>(position.size()));
  });
  client.join();
  EXPECT_EQ(status, 200);
}

TEST(HttpSource, WhatItCannotHaveIsSaidWhenItIsOpened) {
  const auto refused = [](Settings settings) {
    settings.insert(settings.begin(), {"listen", "127.0.0.1:" + std::to_string(free_port())});
    try {
      Harness::of<HttpSource>(settings);
    } catch (const std::exception& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(refused({}), "");
  EXPECT_NE(refused({{"acknowledge", "durable"}}).find("acknowledge: \"durable\" needs a journal"),
            std::string::npos);
  EXPECT_NE(refused({{"certificate_file", "/no.pem"}, {"key_file", "/no.key"}})
                .find("certificate_file: cannot use '/no.pem'"),
            std::string::npos);
  HttpRunner other;
  EXPECT_NE(refused({{"listen", other.address()}}).find("path: another component has the path"),
            std::string::npos);
}

TEST(HttpSource, WhoComesBeforeItBeginsIsToldToComeAgain) {
  HttpRunner runner;
  EXPECT_EQ(runner.post("{}").status, 503);
  runner.start();
  EXPECT_EQ(runner.post("{}").status, 202);
  EXPECT_EQ(runner.bodies(), Texts{"{}"});
}

TEST(HttpSource, ABufferThatABodyMayNotFitIntoIsRefused) {
  EXPECT_NE(refusal({{"buffer", 64 << 10}}).find("buffer: is smaller than `max_body`"),
            std::string::npos);
  HttpRunner runner({{"buffer", 128 << 10}, {"max_body", 128 << 10}});
  runner.start();
  // As large as the buffer.
  EXPECT_EQ(runner.post("{\"a\":\"" + std::string((128 << 10) - 8, 'x') + "\"}").status, 202);
  // These take more while they grow, and would not fit the next time, either.
  const std::string large = "{\"a\":\"" + std::string(100'000, 'x') + "\"}";
  HttpClient chunked(runner.port());
  chunked.write("POST /events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (size_t at = 0; at < large.size(); at += 1000) {
    chunked.write("3e8\r\n" + std::string(1000, ' ') + "\r\n");
  }
  EXPECT_EQ(chunked.read().status, 413);
}

TEST(HttpSource, SaysWhichRecordsAreTooLongForTheCodec) {
  HttpRunner runner({{"max_record", 20}});
  runner.start();
  const HttpResponse response = runner.post("{\"a\":1}\n{\"a\":\"0123456789abcdef\"}\n{\"a\":3}");
  EXPECT_EQ(response.status, 400);
  EXPECT_TRUE(response.has(R"({"accepted":2,"rejected":1,"errors":[{"record":2,"line":2,)"
                           R"("offset":8,"message":"the record has 24 bytes; most is 20"})"))
      << response.body;
  EXPECT_EQ(runner.bodies(), (Texts{"{\"a\":1}", "{\"a\":3}"}));
  ASSERT_EQ(runner.harness().failed().size(), 1U);
  EXPECT_EQ(runner.harness().failed()[0].reason, "line_too_long");
}

TEST(HttpSource, TakesTheAbsoluteFormOfATarget) {
  HttpRunner runner(Settings{{"columns", Setting(Texts{"query"})}});
  runner.start();
  const auto post = [&](const std::string& target) {
    return HttpClient(runner.port()).post(target, "{}").status;
  };
  EXPECT_EQ(post("http://example.com:8080/events"), 202);
  EXPECT_EQ(post("HTTPS://[::1]/events?a=http://b/c"), 202);
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  for (const char* other : {"http://example.com", "http://example.com?/events", "http:///x",
                            "ftp://example.com/events", "httpx://example.com/events"}) {
    EXPECT_EQ(post(other), 404) << other;
  }
  runner.stop();
  const flow::testing::Table rows = runner.harness().pull();
  ASSERT_EQ(rows.rows(), 2);
  EXPECT_EQ(rows.columns[1].cells[1], flow::testing::Cell("a=http://b/c"));
}

TEST(HttpSource, TellsWhoFindsNoRoomToComeAgainAndKeepsNothingOfIt) {
  HttpRunner runner({{"buffer", 64 << 10}, {"max_body", 64 << 10}, {"accept_timeout", "300ms"}});
  runner.harness().assign(runner.partition());  // and nobody polls
  const std::string body = "{\"a\":\"" + std::string(30'000, 'x') + "\"}";
  std::vector<HttpClient> waiting;
  for (int i = 0; i < 2; ++i) {
    waiting.emplace_back(runner.port());
    waiting.back().write("POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: " +
                         std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const HttpResponse full = runner.post(body);
  EXPECT_EQ(full.status, 429);
  EXPECT_TRUE(full.has("Retry-After: 1"));
  for (HttpClient& client : waiting) EXPECT_EQ(client.read().status, 429);
  const HttpResponse stalled = runner.post("{}");
  EXPECT_EQ(stalled.status, 429);
  runner.harness().poll();
  EXPECT_TRUE(runner.harness().pull_batches().empty());
}

TEST(HttpSource, WhoIsSlowIsToldSoAndWhoSaysNothingIsLeft) {
  HttpRunner runner(
      {{"header_timeout", "300ms"}, {"body_timeout", "300ms"}, {"idle_timeout", "600ms"}});
  runner.start();
  HttpClient head(runner.port());
  HttpClient body(runner.port());
  HttpClient idle(runner.port());
  const auto begin = Clock::now();
  body.write("POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
  const std::string slow = "POST /events HTTP/1.1\r\nHost: ";
  for (size_t i = 0; i < slow.size() && head.write(slow.substr(i, 1)) && body.write("x"); ++i) {
    if (Clock::now() - begin > std::chrono::seconds(2)) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_EQ(head.read().status, 408);
  EXPECT_EQ(body.read().status, 408);
  EXPECT_TRUE(idle.is_closed());
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(5));
}

TEST(HttpSource, ConnectionsAreCounted) {
  HttpRunner runner({{"max_connections", 3}});
  runner.start();
  std::vector<HttpClient> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(runner.port());
    EXPECT_EQ(clients.back().post("/events", "{}").status, 202);
  }
  HttpClient more(runner.port());
  EXPECT_EQ(more.read().status, 503);
  clients.pop_back();
  for (int i = 0; i < 100; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    HttpClient next(runner.port());
    if (next.post("/events", "{}").status == 202) return;
  }
  FAIL() << "a closed connection gives no place free";
}

// The connections of a child process, as one process may not have descriptors for both ends.
class IdleConnections {
 public:
  IdleConnections(uint16_t port, int count) {
    if (::pipe(ready_) != 0 || ::pipe(end_) != 0) throw std::runtime_error("pipe");
    child_ = ::fork();
    if (child_ != 0) {
      ::close(ready_[1]);
      ::close(end_[0]);
      return;
    }
    ::close(end_[1]);
    const sockaddr_in address = flow::testing::loopback(port);
    for (int i = 0; i < count; ++i) {
      const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
      if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        ::_exit(1);
      }
      if (i % 2 == 0 && ::send(socket, "POST /ev", 8, MSG_NOSIGNAL) != 8) ::_exit(1);
    }
    char byte = 'x';
    [[maybe_unused]] ssize_t n = ::write(ready_[1], &byte, 1);
    n = ::read(end_[0], &byte, 1);
    ::_exit(0);
  }
  IdleConnections(const IdleConnections&) = delete;
  IdleConnections& operator=(const IdleConnections&) = delete;
  ~IdleConnections() {
    ::close(end_[1]);
    ::close(ready_[0]);
    ::waitpid(child_, nullptr, 0);
  }
  bool wait() const {
    char byte = 0;
    return ::read(ready_[0], &byte, 1) == 1;
  }

 private:
  int ready_[2]{}, end_[2]{};
  pid_t child_ = 0;
};

TEST(HttpSource, TenThousandIdleConnectionsLeaveRoomForARequest) {
  constexpr rlim_t kNeeded = 10'300;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < kNeeded) {
    limit.rlim_cur = std::min(limit.rlim_max, kNeeded);
    if (limit.rlim_cur < kNeeded || ::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
      GTEST_SKIP() << "needs 10,300 file descriptors (ulimit -n)";
    }
  }
  HttpRunner runner({{"max_connections", 10'100}});
  runner.start();
  const IdleConnections idle(runner.port(), 10'000);
  ASSERT_TRUE(idle.wait());
  const auto begin = Clock::now();
  EXPECT_EQ(runner.post("{\"a\":1}").status, 202);
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(5));
  EXPECT_EQ(runner.bodies().size(), 1U);
}

TEST(HttpSource, StoppingAnswersThoseWhoWait) {
  auto runner = std::make_unique<HttpRunner>(Settings{{"acknowledge", "durable"}}, true);
  runner->start();
  HttpClient client(runner->port());
  client.write("POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
  for (bool is_taken = false; !is_taken;) {
    runner->with([&](Harness& harness) { is_taken = !harness.host().emissions.empty(); });
  }
  runner->stop();
  runner->harness().close();
  EXPECT_EQ(client.read().status, 503);
  runner.reset();
}

TEST(HttpSource, PositionsGoOnWhereACheckpointWasTaken) {
  HttpRunner runner;
  runner.start();
  runner.post("{\"a\":1}\n{}");
  runner.stop();
  const auto emissions = runner.harness().host().emissions;
  ASSERT_EQ(emissions.size(), 1U);
  HttpRunner next;
  next.harness().assign(next.partition(), &emissions.back().position);
  std::thread client([&] { EXPECT_EQ(next.post("{}").status, 202); });
  while (next.harness().poll() != FLOW_DONE) {
  }
  client.join();
  const auto batches = next.harness().pull_batches();
  EXPECT_EQ(Int64View(*batches.at(0).origin().position)[0], 11);
}

}  // namespace
}  // namespace flow::operators::http_test
