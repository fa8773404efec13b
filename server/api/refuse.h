#pragma once

#include "absl/status/status.h"

// Ends a verb with an error where `expr` is not OK.
#define REFUSE_IF_ERROR(expr, done) \
  if (absl::Status refusal = (expr); !refusal.ok()) return done(refusal)
