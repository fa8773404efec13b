#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace atrium::bench {

// Of at least one value; `fraction` is 0 to 1. Sorts in part.
double Percentile(std::vector<double>& values, double fraction);
double Median(std::vector<double> values);

// One figure, as each round measured it beside its limit.
class Figure {
 public:
  explicit Figure(std::string name) : name_(std::move(name)) {}

  const std::string& name() const { return name_; }

  // Without a limit where there is nothing to compare with.
  void Add(double atrium, std::optional<double> limit);

  // A line of the table: medians, the median of the rounds' ratios, and their range.
  std::string Line() const;

 private:
  std::string name_;
  std::vector<double> atrium_;
  std::vector<double> limit_;
  std::vector<double> ratio_;
};

// The head of the table, in Markdown.
std::string TableHead();

}  // namespace atrium::bench
