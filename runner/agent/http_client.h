// HTTP for checks: libcurl stays in http_client.cpp.
#pragma once

#include "steps/system.h"

namespace migrate {

/// One GET. Throws Failure with a sentence that names the URL, the address tried and the cause (name not found,
/// refused, timed out, certificate not valid for this name, expired, unknown authority). Any HTTP status is a success
/// here.
HttpResponse http_fetch(const HttpRequest& request);

}  // namespace migrate
