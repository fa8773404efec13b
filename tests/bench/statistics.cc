#include "tests/bench/statistics.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/bench/check.h"

namespace atrium::bench {
namespace {

constexpr char kRow[] = "| %-54s | %11s | %11s | %5s | %-11s |\n";

// With thousands apart; small numbers with a decimal or two.
std::string Number(double value) {
  if (value < 10) return absl::StrFormat("%.2f", value);
  if (value < 100) return absl::StrFormat("%.1f", value);
  std::string digits = absl::StrFormat("%.0f", value);
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) digits.insert(at, ",");
  return digits;
}

}  // namespace

double Percentile(std::vector<double>& values, double fraction) {
  Check(!values.empty(), "nothing was measured");
  const size_t at = std::min(values.size() - 1, static_cast<size_t>(fraction * static_cast<double>(values.size())));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[at];
}

double Median(std::vector<double> values) { return Percentile(values, 0.5); }

void Figure::Add(double atrium, std::optional<double> limit) {
  atrium_.push_back(atrium);
  if (!limit) return;
  limit_.push_back(*limit);
  // A small limit may measure as nothing.
  if (*limit > 0) ratio_.push_back(atrium / *limit);
}

std::string Figure::Line() const {
  std::string ratio;
  std::string range;
  if (!ratio_.empty()) ratio = absl::StrFormat("%.2f", Median(ratio_));
  if (ratio_.size() > 1) {
    const auto [least, most] = std::minmax_element(ratio_.begin(), ratio_.end());
    range = absl::StrFormat("%.2f - %.2f", *least, *most);
  }
  return absl::StrFormat(kRow, name_, Number(Median(atrium_)), limit_.empty() ? "" : Number(Median(limit_)), ratio,
                         range);
}

std::string TableHead() {
  return absl::StrCat(absl::StrFormat(kRow, "figure", "Atrium", "limit", "ratio", "of rounds"), "|",
                      std::string(56, '-'), "|", std::string(12, '-'), ":|", std::string(12, '-'), ":|",
                      std::string(6, '-'), ":|", std::string(13, '-'), "|\n");
}

}  // namespace atrium::bench
