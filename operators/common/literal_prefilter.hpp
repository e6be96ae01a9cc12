// One pass over a text that says which of many expressions are worth trying on it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "required_literals.hpp"

namespace flow::operators {

/// An Aho-Corasick automaton over the required literals of a list of expressions.
///
/// The scan costs one table look-up per byte of the text plus one step per (literal found,
/// expression) pair, however many expressions there are. It compares without regard to ASCII case.
/// Thread safety: immutable once made; scan() may be called from any thread, each with its own
/// Candidates.
class LiteralPrefilter {
 public:
  /// The result of a scan and its working memory: reuse one for many scans to save the allocations.
  class Candidates {
   public:
    /// The first candidate in [from, end), or `end` if there is none.
    std::size_t next(std::size_t from, std::size_t end) const;

   private:
    friend class LiteralPrefilter;
    std::vector<std::uint64_t> expressions_;  // bit i: expression i may match
    std::vector<std::uint64_t> literals_;     // bit i: literal i was seen
    std::vector<std::uint8_t> clauses_;       // per expression, bit c: clause c holds
  };

  /// Expression i is the one that `requirements[i]` describes; one without clauses is a candidate
  /// for every text. Throws std::length_error beyond 2^31 automaton states (some GiB of literals).
  explicit LiteralPrefilter(const std::vector<LiteralRequirement>& requirements);

  /// Leaves in `candidates` each expression whose clauses all hold for `text`. An expression that
  /// is not among them cannot match.
  void scan(std::string_view text, Candidates& candidates) const;

  std::size_t expression_count() const { return complete_.size(); }
  std::size_t literal_count() const { return literal_count_; }
  /// Bytes held by the tables.
  std::size_t memory() const;

 private:
  struct Posting {
    std::uint32_t expression;
    std::uint32_t clause_bit;
  };
  struct Output {
    std::uint32_t literal;
    std::uint32_t next;  // the output of the longest proper suffix that is a literal, plus one; 0
                         // ends the chain
  };

  std::size_t literal_count_ = 0;
  std::size_t class_count_ = 1;
  std::array<std::uint8_t, 256> class_of_{};  // byte -> column; 0: in no literal
  std::vector<std::uint32_t>
      transitions_;  // [state * class_count_ + class] -> row offset, top bit: has output
  std::vector<std::uint32_t> state_output_;  // state -> index into outputs_ plus one
  std::vector<Output> outputs_;
  std::vector<std::uint32_t> posting_begin_;  // literal -> first of its postings_
  std::vector<Posting> postings_;
  std::vector<std::uint8_t> complete_;  // expression -> the mask of all its clauses
  std::vector<std::uint64_t> always_;   // expressions without clauses
};

}  // namespace flow::operators
