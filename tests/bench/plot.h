#pragma once

#include <string>
#include <utility>
#include <vector>

namespace atrium::bench {

// One line of a plot.
struct Series {
  std::string name;
  std::string color;  // as SVG has them; readable on white and on black
  bool dashed = false;
  std::vector<std::pair<double, double>> points;  // by x
};

struct Axis {
  enum class Scale { kLinearFromZero, kLog };
  enum class Unit { kNumber, kMicroseconds };

  std::string label;
  Scale scale = Scale::kLinearFromZero;
  Unit unit = Unit::kNumber;
  // Where lines and numbers stand; chosen to fit the points if it is empty.
  std::vector<double> ticks;
};

struct Plot {
  std::string title;
  Axis x;
  Axis y;
  std::vector<Series> series;  // with points, positive ones
};

// A picture of it, on no background, that stands by itself.
std::string ToSvg(const Plot& plot);

}  // namespace atrium::bench
