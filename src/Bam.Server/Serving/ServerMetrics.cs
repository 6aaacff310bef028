using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;

namespace Bam.Server.Serving;

/// <summary>
/// The metrics of a server. OpenTelemetry reads them and gives them Prometheus' names (<c>bam_requests_total</c>).
/// </summary>
internal sealed class ServerMetrics : IDisposable
{
    private static readonly double[] Seconds =
        [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500];

    private static int s_created;

    private readonly Meter meter;
    private readonly Counter<long> requests;
    private readonly Counter<long> promptTokens;
    private readonly Counter<long> completionTokens;
    private readonly Histogram<double> firstToken;
    private readonly Histogram<double> duration;
    private readonly RecentRate rate = new();

    public ServerMetrics(ServedModel served)
    {
        // OpenTelemetry finds a meter by its name; a second server in the process needs another one.
        var number = Interlocked.Increment(ref s_created);
        Name = number == 1 ? "Bam.Server" : $"Bam.Server.{number}";
        meter = new Meter(Name);
        requests = meter.CreateCounter<long>("bam_requests", description: "Answered requests by endpoint and HTTP status");
        promptTokens = meter.CreateCounter<long>("bam_prompt_tokens", description: "Tokens of prompts");
        completionTokens = meter.CreateCounter<long>("bam_completion_tokens", description: "New tokens");
        firstToken = Histogram("bam_time_to_first_token", "From a request to its first new token");
        duration = Histogram("bam_request_duration", "From a request to the end of its answer");
        Gauge("bam_completion_tokens_per_second", "New tokens per second, over the last ten seconds", () => rate.PerSecond);
        var scheduler = served.Scheduler;
        Gauge("bam_texts_running", "Texts that are being decoded", () => scheduler.Load.Running);
        Gauge("bam_texts_waiting", "Texts that wait for a slot", () => scheduler.Load.Waiting);
        Gauge("bam_cache_tokens", "Tokens in the key-value cache", () => scheduler.Load.CachedTokens);
        var capacity = served.Options.Slots * served.Context;
        Gauge(
            "bam_cache_usage", "Part of the key-value cache in use, 0 to 1",
            () => (double)scheduler.Load.CachedTokens / capacity);
        meter.CreateObservableCounter(
            "bam_expert_assignments", () => ByExpert(served, layer => scheduler.ExpertUse.AssignmentsOf(layer)),
            description: "Tokens that each feed-forward expert took, by layer");
        meter.CreateObservableGauge(
            "bam_expert_load_share", () => ByExpert(served, layer => ExpertLoads.SharesOf(scheduler.ExpertUse, layer)),
            description: "Part of a layer's assignments that each feed-forward expert got, 0 to 1");
        meter.CreateObservableGauge(
            "bam_expert_attention_gate", () => ByExpert(served, layer => scheduler.ExpertUse.MeanGatesOf(layer)),
            description: "Mean gate of each attention expert, by layer, 0 to 1");
        MaxSeries = Math.Max(2000, served.Config.NumHiddenLayers
            * (1 + Math.Max(served.Config.NumLocalExperts, served.Config.NumAttentionExperts)));
    }

    /// <summary>The meter's name.</summary>
    public string Name { get; }

    /// <summary>The most series of one metric.</summary>
    public int MaxSeries { get; }

    public void CountRequest(string endpoint, int status, TimeSpan time)
    {
        var tags = new TagList { { "endpoint", endpoint }, { "status", status.ToString(CultureInfo.InvariantCulture) } };
        requests.Add(1, tags);
        duration.Record(time.TotalSeconds, new TagList { { "endpoint", endpoint } });
    }

    public void CountPrompt(int tokens) => promptTokens.Add(tokens);

    public void CountToken()
    {
        completionTokens.Add(1);
        rate.Add(1);
    }

    public void FirstToken(TimeSpan time) => firstToken.Record(time.TotalSeconds);

    public void Dispose() => meter.Dispose();

    private Histogram<double> Histogram(string name, string description) => meter.CreateHistogram(
        name, "s", description, advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = Seconds });

    private void Gauge(string name, string description, Func<double> value) =>
        meter.CreateObservableGauge(name, value, description: description);

    private static IEnumerable<Measurement<T>> ByExpert<T>(ServedModel served, Func<int, T[]> valuesOf) where T : struct
    {
        for (var layer = 0; layer < served.Config.NumHiddenLayers; layer++)
        {
            foreach (var (expert, value) in valuesOf(layer).Index())
            {
                yield return new(
                    value,
                    new("layer", layer.ToString(CultureInfo.InvariantCulture)),
                    new("expert", expert.ToString(CultureInfo.InvariantCulture)),
                    new("model", served.ExpertNames?.ElementAtOrDefault(expert) ?? ""));
            }
        }
    }
}

/// <summary>A rate over the last ten seconds, in steps of one.</summary>
internal sealed class RecentRate
{
    private const int Window = 10;

    private readonly Lock changing = new();
    private readonly long[] counts = new long[Window + 1];  // of the last seconds and of this one
    private readonly long started = Stopwatch.GetTimestamp();
    private long second;

    public double PerSecond
    {
        get
        {
            lock (changing)
            {
                Move();
                var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds - Math.Max(0, second - Window);
                return counts.Sum() / Math.Clamp(seconds, 1, Window + 1);
            }
        }
    }

    public void Add(int count)
    {
        lock (changing)
        {
            Move();
            counts[second % counts.Length] += count;
        }
    }

    private void Move()
    {
        var now = (long)Stopwatch.GetElapsedTime(started).TotalSeconds;
        for (var step = Math.Max(second + 1, now - Window); step <= now; step++) counts[step % counts.Length] = 0;
        second = now;
    }
}
