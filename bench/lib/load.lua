-- wrk: the body's size comes after `--`; the figures go to stdout as one line of JSON.
function init(args)
  local size = tonumber(args[1] or '0')
  if size > 0 then
    wrk.method = 'POST'
    wrk.body = string.rep('x', size)
  end
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format(
    '\nRESULT {"requests":%d,"seconds":%.6f,"p50Ms":%.3f,"p99Ms":%.3f,"failed":%d}\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, failed))
end
