#include "tests/bench/plot.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/bench/check.h"

namespace atrium::bench {
namespace {

constexpr double kWidth = 800;
constexpr double kHeight = 460;
constexpr double kLeft = 80;
constexpr double kRight = 780;
constexpr double kTop = 80;
constexpr double kBottom = 400;
// Neither white nor black.
constexpr char kInk[] = "#808890";

// 1, 2 and 5 times the powers of ten, from the one at or below `least` to the one at or above `most`.
std::vector<double> LogTicks(double least, double most) {
  std::vector<double> ticks;
  for (double power = std::pow(10, std::floor(std::log10(least)));; power *= 10) {
    for (const double tick : {power, 2 * power, 5 * power}) {
      while (!ticks.empty() && ticks.front() <= least && tick <= least) ticks.clear();
      ticks.push_back(tick);
      if (tick >= most) return ticks;
    }
  }
}

// From 0 to at least `most` in four to ten round steps.
std::vector<double> LinearTicks(double most) {
  double step = std::pow(10, std::floor(std::log10(most)));
  if (most / step < 2) {
    step /= 5;
  } else if (most / step < 4) {
    step /= 2;
  }
  std::vector<double> ticks = {0};
  while (ticks.back() < most) ticks.push_back(ticks.back() + step);
  return ticks;
}

std::string TickText(double value, Axis::Unit unit) {
  if (unit == Axis::Unit::kMicroseconds) {
    return value < 1000 ? absl::StrFormat("%g µs", value) : absl::StrFormat("%g ms", value / 1000);
  }
  if (value >= 1e6) return absl::StrFormat("%gM", value / 1e6);
  return value >= 1e4 ? absl::StrFormat("%gk", value / 1e3) : absl::StrFormat("%g", value);
}

// One axis, laid on pixels.
class Ruler {
 public:
  Ruler(const Axis& axis, double least, double most, double from, double to)
      : log_(axis.scale == Axis::Scale::kLog), ticks_(axis.ticks), from_(from), to_(to) {
    if (ticks_.empty()) ticks_ = log_ ? LogTicks(least, most) : LinearTicks(most);
    first_ = Place(std::min(ticks_.front(), log_ ? least : 0));
    last_ = Place(std::max(ticks_.back(), most));
  }

  const std::vector<double>& ticks() const { return ticks_; }
  double At(double value) const { return from_ + (Place(value) - first_) / (last_ - first_) * (to_ - from_); }

 private:
  double Place(double value) const { return log_ ? std::log10(value) : value; }

  const bool log_;
  std::vector<double> ticks_;
  const double from_;
  const double to_;
  double first_ = 0;
  double last_ = 1;
};

std::string Line(double x1, double y1, double x2, double y2, double opacity) {
  return absl::StrFormat(
      "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-opacity=\"%.2f\"/>\n", x1, y1, x2, y2,
      kInk, opacity);
}

std::string Text(double x, double y, const char* anchor, const std::string& text, const std::string& more = "") {
  return absl::StrFormat("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>%s</text>\n", x, y, anchor, more, text);
}

std::string Stroke(const Series& series) {
  return absl::StrFormat("fill=\"none\" stroke=\"%s\" stroke-width=\"2\"%s", series.color,
                         series.dashed ? " stroke-dasharray=\"6 4\"" : "");
}

std::string Drawn(const Series& series, const Ruler& x, const Ruler& y) {
  std::string path;
  std::string dots;
  for (const auto& [at_x, at_y] : series.points) {
    absl::StrAppendFormat(&path, "%s%.1f %.1f", path.empty() ? "M" : " L", x.At(at_x), y.At(at_y));
    absl::StrAppendFormat(&dots, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x.At(at_x), y.At(at_y),
                          series.color);
  }
  return absl::StrFormat("<path d=\"%s\" %s/>\n%s", path, Stroke(series), dots);
}

std::string Legend(const std::vector<Series>& all) {
  std::string svg;
  double x = kLeft;
  for (const Series& series : all) {
    absl::StrAppendFormat(&svg, "<path d=\"M%.1f 56 h30\" %s/>\n", x, Stroke(series));
    svg += Text(x + 36, 60, "start", series.name);
    x += 60 + 7.5 * static_cast<double>(series.name.size());
  }
  return svg;
}

}  // namespace

std::string ToSvg(const Plot& plot) {
  constexpr double kHuge = std::numeric_limits<double>::max();
  double least_x = kHuge, most_x = 0, least_y = kHuge, most_y = 0;
  for (const Series& series : plot.series) {
    Check(!series.points.empty(), "nothing to plot");
    for (const auto& [x, y] : series.points) {
      least_x = std::min(least_x, x), most_x = std::max(most_x, x);
      least_y = std::min(least_y, y), most_y = std::max(most_y, y);
    }
  }
  const Ruler x(plot.x, least_x, most_x, kLeft, kRight);
  const Ruler y(plot.y, least_y, most_y, kBottom, kTop);
  std::string svg = absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" font-family=\"sans-serif\" "
      "font-size=\"13\" fill=\"%s\">\n",
      kWidth, kHeight, kInk);
  svg += Text(kLeft, 28, "start", plot.title, " font-size=\"16\" font-weight=\"bold\"");
  svg += Legend(plot.series);
  for (const double tick : x.ticks()) {
    svg += Line(x.At(tick), kTop, x.At(tick), kBottom, 0.25);
    svg += Text(x.At(tick), kBottom + 20, "middle", TickText(tick, plot.x.unit));
  }
  for (const double tick : y.ticks()) {
    svg += Line(kLeft, y.At(tick), kRight, y.At(tick), 0.25);
    svg += Text(kLeft - 8, y.At(tick) + 4, "end", TickText(tick, plot.y.unit));
  }
  svg += Line(kLeft, kBottom, kRight, kBottom, 1);
  svg += Line(kLeft, kTop, kLeft, kBottom, 1);
  svg += Text((kLeft + kRight) / 2, kBottom + 46, "middle", plot.x.label);
  svg += Text(0, 0, "middle", plot.y.label,
              absl::StrFormat(" transform=\"translate(18 %.1f) rotate(-90)\"", (kTop + kBottom) / 2));
  for (const Series& series : plot.series) svg += Drawn(series, x, y);
  return svg + "</svg>\n";
}

}  // namespace atrium::bench
