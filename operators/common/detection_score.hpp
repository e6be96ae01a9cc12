// How good detections are against labelled incidents.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "operators/common/saved_pieces.hpp"

namespace flow::operators {

// Incidents found, by kind.
struct KindScore {
  size_t incidents = 0;
  size_t found = 0;
};

struct DetectionScore {
  size_t incidents = 0;
  size_t found = 0;         // a detection in one of its series from its start to its end and grace
  size_t detections = 0;    // rows
  size_t alarms = 0;        // detections of a series closer together than grace are one
  size_t false_alarms = 0;  // none of whose detections belongs to an incident
  double days = 0;          // of event time
  // Absent: there is nothing to divide.
  std::optional<double> precision;                // of alarms
  std::optional<double> recall;                   // of incidents
  std::optional<double> delay_median, delay_max;  // seconds from the start of found incidents
  std::optional<double> false_alarms_per_day, alarms_per_day;
  std::map<std::string, KindScore> kinds;
};

// Collects incidents and detections in any order. Series and incidents are named by texts. Not
// thread-safe. About 20 bytes a detection.
class DetectionScorer {
 public:
  explicit DetectionScorer(int64_t grace) : grace_(grace) {}

  // Widens the incident to `start` to `end` in that series.
  void add_incident(const std::string& id, const std::string& kind, const std::string& series,
                    int64_t start, int64_t end);
  void add_detection(const std::string& series, int64_t time);
  // What was read at all: how long it lasted.
  void add_time(int64_t first, int64_t last);
  size_t detections() const { return n_detections_; }

  DetectionScore score();

  // Everything collected, as bytes, and back into a scorer that is new.
  void save_to(std::string& bytes) const;
  void load(SavedPieces& pieces);

 private:
  struct Incident {
    std::string kind;
    int64_t start;
  };
  struct Span {
    size_t incident;
    int64_t start, end;
  };
  struct Series {
    std::vector<Span> spans;
    std::vector<int64_t> detections;
  };

  int64_t grace_;
  size_t n_detections_ = 0;
  std::optional<int64_t> first_, last_;
  std::map<std::string, Series, std::less<>> series_;
  std::map<std::string, size_t, std::less<>> incident_numbers_;
  std::vector<Incident> incidents_;
};

}  // namespace flow::operators
