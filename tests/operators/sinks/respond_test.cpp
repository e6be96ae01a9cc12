#include "operators/sinks/respond.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/operators/sources/http_runner.hpp"

namespace flow::operators::respond_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::HttpResponse;
using flow::testing::HttpRunner;
using flow::testing::Settings;
using flow::testing::Table;

// A source, a client that waits for an answer, and the sink that gives it.
class Respond : public ::testing::Test {
 protected:
  void ask(const std::string& body) {
    client_ = std::thread([this, body] { answer_ = runner_.post(body); });
    while (ids_.empty()) {
      runner_.with([&](Harness& source) {
        for (const Batch& batch : source.pull_batches()) {
          const TextView ids(*batch.find("request_id"));
          for (int64_t row = 0; row < batch.rows(); ++row) ids_.emplace_back(ids[row]);
          position_ = Int64View(*batch.origin().position)[0];
        }
      });
    }
  }
  HttpResponse answer() {
    client_.join();
    return answer_;
  }
  void answer_with(const std::vector<std::string>& rows) {
    std::vector<Cell> bytes, ids;
    for (const std::string& row : rows) {
      bytes.emplace_back(row);
      ids.emplace_back(ids_.front());
    }
    sink_.push({{"bytes", Type::binary(), bytes}, {"kept:request_id", ids}});
  }
  // As an `errors` port has it.
  void fail_at(int64_t position, const std::string& reason) {
    sink_.push({{"bytes", Type::binary(), {"{}"}},
                {"kept:request_id", {nullptr}},
                {"kept:partition", {runner_.partition()}},
                {"kept:position", {position}},
                {"kept:reason", {reason}},
                {"kept:message", {"what is wrong"}}});
  }

  HttpRunner runner_{Settings{{"acknowledge", "response"}, {"timeout", "3s"}}};
  Harness sink_ = Harness::of<RespondSink>();
  std::vector<std::string> ids_;
  int64_t position_ = 0;

 private:
  std::thread client_;
  HttpResponse answer_;
};

TEST_F(Respond, TheRowOfARequestIsItsAnswer) {
  runner_.start();
  ask(R"({"n":1})");
  answer_with({R"({"n":1,"m":2})"});
  const HttpResponse response = answer();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "{\"n\":1,\"m\":2}\n");
  EXPECT_TRUE(response.has("X-Request-Id: " + ids_.front()));
  EXPECT_EQ(sink_.dropped("request is gone"), 0);
}

TEST_F(Respond, SeveralRecordsAreAnsweredTogether) {
  runner_.start();
  ask("[{},{},{}]");
  answer_with({"{\"a\":1}", "{\"a\":2}"});
  fail_at(position_ + 6, "bad_type");
  const HttpResponse response = answer();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body,
            "[{\"a\":1},{\"a\":2},{\"error\":\"bad_type\",\"message\":\"what is wrong\"}]\n");
}

TEST_F(Respond, ADeadLetterOfItsRecordAnswersARequest) {
  runner_.start();
  ask(R"({"n":"x"})");
  fail_at(position_, "bad_type");
  const HttpResponse response = answer();
  EXPECT_EQ(response.status, 422);
  EXPECT_EQ(response.body, "{\"error\":\"bad_type\",\"message\":\"what is wrong\"}\n");
  fail_at(position_, "bad_type");
  fail_at(position_ + 1000, "bad_type");
  EXPECT_EQ(sink_.dropped("request is gone"), 2);
}

TEST_F(Respond, NoAnswerInTimeIsSaidAndALateOneIsCounted) {
  runner_.start();
  ask("{}");
  EXPECT_EQ(answer().status, 504);
  answer_with({"{}"});
  EXPECT_EQ(sink_.dropped("request is gone"), 1);
  EXPECT_EQ(sink_.metric("respond_gone_rows"), 1);
  EXPECT_TRUE(sink_.failed().empty());
}

TEST_F(Respond, RowsOfAnotherProcessAreOfRequestsThatAreGone) {
  sink_.push(
      {{"bytes", Type::binary(), {"{}", "{}", "{}"}},
       {"kept:request_id", {"0123456789abcdef0123456789abcdef-1", "", std::string(1 << 20, 'x')}}});
  EXPECT_EQ(sink_.dropped("request is gone"), 3);
}

// What one request is told must not lead to the id of another.
TEST_F(Respond, NobodyAnswersTheRequestOfAnother) {
  runner_.start();
  ask("{}");
  const std::string own = ids_.front();
  answer_with({"{}"});
  EXPECT_EQ(answer().status, 200);
  ids_.clear();
  ask(R"({"n":1})");
  const std::string other = ids_.front();
  const auto parts = [](const std::string& id) {
    const size_t hyphen = id.find('-');
    return std::pair(id.substr(0, hyphen), std::stoull(id.substr(hyphen + 1), nullptr, 16));
  };
  ASSERT_EQ(parts(other).first.size(), 32U);
  for (uint64_t ahead = 0; ahead < 10; ++ahead) {
    std::ostringstream guess;
    guess << parts(own).first << '-' << std::hex << parts(own).second + ahead;
    ids_ = {guess.str()};
    answer_with({R"({"forged":true})"});
  }
  ids_ = {std::string(32, '0') + other.substr(32)};
  answer_with({R"({"forged":true})"});
  EXPECT_EQ(sink_.dropped("request is gone"), 11);
  ids_ = {other};
  answer_with({R"({"n":2})"});
  EXPECT_EQ(answer().body, "{\"n\":2}\n");
}

TEST_F(Respond, WhatOnlyLooksLikeADeadLetterAnswersNobody) {
  runner_.start();
  ask("{}");
  const Table letter = {{"bytes", Type::binary(), {"{}"}},
                        {"kept:request_id", {nullptr}},
                        {"kept:partition", {runner_.partition()}},
                        {"kept:position", {position_}},
                        {"kept:reason", {"forged"}},
                        {"kept:message", {"forged"}}};
  sink_.push(sink_.batch(letter, {"{}"}));  // with an origin, as what a source sends has
  ASSERT_EQ(sink_.failed().size(), 1U);
  EXPECT_EQ(sink_.failed()[0].reason, "no_request");
  fail_at(position_, "bad_type");
  EXPECT_TRUE(answer().has("bad_type"));
}

TEST_F(Respond, RowsWithoutARequestFail) {
  sink_.push({{"bytes", Type::binary(), {"{}"}}, {"kept:request_id", {nullptr}}});
  sink_.push(Table{{"bytes", Type::binary(), {"{}"}}});
  ASSERT_EQ(sink_.failed().size(), 2U);
  EXPECT_EQ(sink_.failed()[0].reason, "no_request");
}

TEST_F(Respond, AnswersOnceHoweverManyRowsCome) {
  runner_.start();
  ask("{}");
  answer_with({"{\"a\":1}", "{\"a\":2}"});
  EXPECT_EQ(answer().body, "{\"a\":1}\n");
  EXPECT_EQ(sink_.dropped("request is gone"), 1);
}

TEST_F(Respond, ARequestWithABadRecordIsRefusedAsAWhole) {
  runner_.start();
  const HttpResponse response = runner_.post("{}\nx");
  EXPECT_EQ(response.status, 400);
  EXPECT_TRUE(response.has("\"accepted\":0,\"rejected\":1")) << response.body;
  EXPECT_TRUE(runner_.bodies().empty());
}

}  // namespace
}  // namespace flow::operators::respond_test
