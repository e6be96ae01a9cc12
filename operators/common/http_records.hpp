// The JSON records in the body of a request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace flow::operators {

// Finds the objects of a body: one object, which may span lines, one a line (NDJSON), or an array
// of objects. What they are is checked as JSON, UTF-8 aside, at some 1.5 ns a byte.
//
// A body becomes NDJSON in its place, without a copy: line ends inside an object or between the
// elements of an array turn into spaces, and the commas between those elements into line ends,
// which changes no value.
class HttpRecords {
 public:
  // Good records that follow each other, one a line.
  struct Run {
    size_t begin = 0, end = 0;  // bytes of the body
    int64_t records = 0;
  };
  // What is no record, and is not in a run.
  struct Rejected {
    int64_t record = 0;  // its number in the body, from 1 on
    int64_t line = 0;    // of the mistake, from 1 on
    size_t offset = 0;   // of the mistake, in bytes from the body's start
    size_t begin = 0, end = 0;
    std::string what;
    const char* reason = "bad_json";  // of its dead letter
  };

  // Bodies are not looked at behind this many rejected records: the rest is one more.
  static constexpr size_t kMostRejected = 100;

  // Objects of more than `most` bytes are rejected. kJsonPadding bytes behind `size` must be
  // readable. Replaces what was found before.
  void find(char* body, size_t size, size_t most = SIZE_MAX);

  const std::vector<Run>& runs() const { return runs_; }
  const std::vector<Rejected>& rejected() const { return rejected_; }
  int64_t accepted() const { return accepted_; }
  bool empty() const { return records_ == 0; }

 private:
  void find_lines();
  void find_elements();
  // Behind white space; counts lines.
  char* skip_space(char* at);
  // Whether the object [begin, end) is taken. It joins the run whose end is at `joined`, or begins
  // one; or it is too long. Counts its lines.
  bool accept(char* begin, char* end, char* joined);
  void reject(char* begin, char* end, char* place, int64_t line, std::string what);
  // The text [begin, end) is no record; says where and why.
  void reject_text(char* begin, char* end);
  size_t offset(const char* at) const { return static_cast<size_t>(at - body_); }

  char* body_ = nullptr;
  char* end_ = nullptr;
  size_t most_ = SIZE_MAX;
  int64_t line_ = 1;  // of the place that is read
  int64_t records_ = 0;
  int64_t accepted_ = 0;
  std::vector<Run> runs_;
  std::vector<Rejected> rejected_;
};

}  // namespace flow::operators
