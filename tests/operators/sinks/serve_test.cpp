#include "operators/sinks/serve.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "flow/testing/harness.hpp"
#include "operators/sinks/serve_route.hpp"
#include "tests/operators/common/http_client.hpp"

namespace flow::operators::serve_test {
namespace {

using flow::testing::Cell;
using flow::testing::free_port;
using flow::testing::Harness;
using flow::testing::HttpClient;
using flow::testing::HttpResponse;
using flow::testing::Settings;

class Serve : public ::testing::Test {
 protected:
  void open(Settings extra = {}) {
    Settings settings = {
        {"listen", "127.0.0.1:" + std::to_string(port_)}, {"table", "users"}, {"key", "user"}};
    for (auto& setting : extra) settings.push_back(std::move(setting));
    harness_.emplace(Harness::of<ServeSink>(settings));
  }
  void put(const std::vector<std::pair<Cell, std::string>>& rows) {
    std::vector<Cell> bytes, keys;
    for (const auto& [key, row] : rows) {
      bytes.emplace_back(row);
      keys.push_back(key);
    }
    harness_->push({{"bytes", Type::binary(), bytes}, {"kept:user", keys}});
  }
  HttpResponse get(const std::string& rest) {
    return HttpClient(port_).get("/tables/users" + rest);
  }

  const uint16_t port_ = free_port();
  std::optional<Harness> harness_;
};

TEST_F(Serve, GivesTheNewestRowOfAKey) {
  open();
  put({{"a", "{\"n\":1}"}, {"b", "{\"n\":2}"}});
  put({{"a", "{\"n\":3}"}});
  EXPECT_EQ(get("/a").body, "{\"n\":3}\n");
  EXPECT_EQ(get("/b").body, "{\"n\":2}\n");
  EXPECT_EQ(get("/c").status, 404);
  EXPECT_EQ(get("/").status, 404);
  EXPECT_TRUE(get("/a").has("Content-Type: application/json"));
  EXPECT_EQ(harness_->metric("serve_rows"), 2);
}

TEST_F(Serve, ListsTheNewestFirst) {
  open();
  EXPECT_EQ(get("").body, "[]\n");
  put({{"a", "1"}, {"b", "2"}, {"c", "3"}, {"b", "4"}});
  EXPECT_EQ(get("").body, "[4,3,1]\n");
  EXPECT_EQ(get("?limit=2").body, "[4,3]\n");
  EXPECT_EQ(get("?x=1&limit=1").body, "[4]\n");
  for (const char* bad : {"?limit=0", "?limit=1001", "?limit=", "?limit=x", "?limit=-1"}) {
    EXPECT_EQ(get(bad).status, 400) << bad;
  }
}

TEST_F(Serve, KeysAreTextOfAnyKind) {
  open();
  put({{"with / and %", "1"}, {"\xC3\xA9", "2"}});
  harness_->push({{"bytes", Type::binary(), {"3", "4"}}, {"kept:user", {42, nullptr}}});
  EXPECT_EQ(get("/with%20%2F%20and%20%25").body, "1\n");
  EXPECT_EQ(get("/%C3%A9").body, "2\n");
  EXPECT_EQ(get("/42").body, "3\n");
  EXPECT_EQ(get("/%zz").status, 400);
  EXPECT_EQ(get("/%4").status, 400);
  ASSERT_EQ(harness_->failed().size(), 1U);
  EXPECT_EQ(harness_->failed()[0].reason, "no_key");
}

TEST_F(Serve, RowsThatAreTooLargeFailAndLeaveWhatWasThere) {
  open();
  put({{"a", "1"}, {"a", std::string(70'000, 'x')}, {std::string(1 << 20, 'k'), "2"}, {"", "3"}});
  EXPECT_EQ(get("/a").body, "1\n");
  ASSERT_EQ(harness_->failed().size(), 3U);
  EXPECT_EQ(harness_->failed()[0].reason, "too_large");
  EXPECT_EQ(harness_->failed()[1].reason, "key_too_long");
  EXPECT_EQ(harness_->failed()[2].reason, "no_key");
  put({{"a", std::string(65'536, 'x')}});
  EXPECT_EQ(get("/a").body.size(), 65'537U);
}

TEST_F(Serve, TheOldestRowMakesRoom) {
  open({{"max_rows", 3}});
  put({{"a", "1"}, {"b", "2"}, {"c", "3"}, {"a", "4"}, {"d", "5"}});
  EXPECT_EQ(get("").body, "[5,4,3]\n");
  EXPECT_EQ(get("/b").status, 404);
  EXPECT_EQ(harness_->metric("serve_evicted_rows"), 1);
  EXPECT_EQ(harness_->metric("serve_rows"), 3);
}

TEST_F(Serve, RowsThatEraseTakeTheRowOfTheirKeyAway) {
  open({{"erase", "gone"}, {"max_rows", 3}});
  const auto push = [&](const std::string& key, const std::string& row, const Cell& gone) {
    harness_->push({{"bytes", Type::binary(), {row}},
                    {"kept:user", {key}},
                    {"kept:gone", Type::boolean(), {gone}}});
  };
  for (const char* key : {"a", "b", "c"}) push(key, std::string("\"") + key + "\"", false);
  push("b", "never kept", true);
  push("d", "never kept", true);
  EXPECT_EQ(get("/b").status, 404);
  EXPECT_EQ(get("/d").status, 404);
  EXPECT_EQ(get("").body, "[\"c\",\"a\"]\n");
  EXPECT_EQ(harness_->metric("serve_rows"), 2);
  push("b", "4", nullptr);
  push("a", "never kept", true);
  push("c", "never kept", true);
  push("b", "never kept", true);
  EXPECT_EQ(get("").body, "[]\n");
  EXPECT_EQ(harness_->metric("serve_bytes"), 0);
  put({{"b", "5"}});  // without the column nothing is erased
  EXPECT_EQ(get("").body, "[5]\n");
  EXPECT_TRUE(harness_->failed().empty());
}

TEST_F(Serve, MemoryIsBoundedInBytes) {
  open({{"max_bytes", "64KiB"}});
  std::vector<std::pair<Cell, std::string>> rows;
  rows.reserve(1000);
  for (int i = 0; i < 1000; ++i) rows.emplace_back(std::to_string(i), std::string(1000, 'x'));
  put(rows);
  EXPECT_LE(harness_->metric("serve_bytes"), 65'536);
  EXPECT_GT(harness_->metric("serve_rows"), 50);
  EXPECT_EQ(get("/999").status, 200);
  EXPECT_EQ(get("/1").status, 404);
}

TEST_F(Serve, AsksForTheTokenAndTakesNothing) {
  open({{"token", "secret"}});
  put({{"a", "1"}});
  EXPECT_EQ(get("/a").status, 401);
  EXPECT_EQ(HttpClient(port_).get("/tables/users/a", "Authorization: Bearer secret\r\n").body,
            "1\n");
  EXPECT_EQ(HttpClient(port_).post("/tables/users/a", "2").status, 405);
  HttpClient head(port_);
  head.write("HEAD /tables/users/a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\n\r\n");
  head.end();
  EXPECT_TRUE(head.read().has("Content-Length: 2\r\n"));
}

TEST_F(Serve, ReadersAndTheFlowGoOnAtTheSameTime) {
  open({{"max_rows", 500}});
  std::atomic<bool> is_over{false};
  std::atomic<int> wrong{0}, answered{0};
  std::vector<std::thread> readers;
  readers.reserve(2);
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      HttpClient client(port_);
      while (!is_over) {
        const HttpResponse row = client.get("/tables/users/7");
        if (row.status == 200 && row.body.rfind("{\"user\":7,", 0) != 0) ++wrong;
        const HttpResponse list = client.get("/tables/users?limit=20");
        if (list.status != 200 || list.body.back() != '\n') ++wrong;
        ++answered;
      }
    });
  }
  for (int round = 0; round < 300 || answered < 50; ++round) {
    std::vector<std::pair<Cell, std::string>> rows;
    for (int i = 0; i < 1000; i += 1 + round % 7) {
      const std::string key = std::to_string(i);
      rows.emplace_back(key,
                        "{\"user\":" + key + ",\"x\":\"" + std::string(round % 90, 'x') + "\"}");
    }
    put(rows);
  }
  is_over = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
}

TEST(ServeTable, IsThereAgainWithItsOrderWhenItsPagesAre) {
  flow::testing::TestHost host(1);
  const auto newest = [](ServeTable& table) {
    std::string out;
    table.append_newest(100, 1 << 20, out);
    return out;
  };
  std::string before;
  {
    ServeTable table(host.host(), 100, 1 << 20);
    for (int i = 0; i < 300; ++i) {
      table.put(std::to_string(i * 7 % 150), std::to_string(i) + std::string(i % 40, ' '));
    }
    before = newest(table);
    EXPECT_EQ(table.rows(), 100);
  }
  ServeTable again(host.host(), 100, 1 << 20);
  EXPECT_EQ(newest(again), before);
  EXPECT_EQ(again.rows(), 100);
  again.put("new", "first");
  EXPECT_EQ(newest(again).substr(0, 6), "first,");
  EXPECT_EQ(again.rows(), 100);
}

TEST(ServeRoute, PercentSignsAreDecoded) {
  EXPECT_EQ(decode_percent("a%2Fb%2f"), "a/b/");
  EXPECT_EQ(decode_percent(""), "");
  EXPECT_EQ(decode_percent("%"), std::nullopt);
  EXPECT_EQ(decode_percent("%0"), std::nullopt);
  EXPECT_EQ(decode_percent("%+1"), std::nullopt);
}

}  // namespace
}  // namespace flow::operators::serve_test
