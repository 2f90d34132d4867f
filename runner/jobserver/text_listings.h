// The lists of the text protocol, each with its final ".\n".
#pragma once

#include "runner/jobserver/queue.h"

#include <string>

namespace migrate {

std::string list_status(const Queue& queue);           // FUNCTION jobs running workers
std::string list_priority_status(const Queue& queue);  // FUNCTION high normal low workers; waiting jobs only
std::string list_workers(const Queue& queue);          // FD ADDRESS CLIENT-ID : FUNCTION...
std::string list_jobs(const Queue& queue);             // HANDLE retries ignored background
std::string list_unique_jobs(const Queue& queue);      // UNIQUE

}  // namespace migrate
