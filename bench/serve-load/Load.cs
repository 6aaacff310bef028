using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Bam.Bench.ServeLoad;

/// <summary>
/// Clients that ask a server side by side, each for one text after the other, and measure when its tokens come. Prompts are
/// random ids, different for each request and equal in each round.
/// </summary>
internal sealed class Load(Uri server, Dialect dialect, int clients, int requestsOfClient) : IDisposable
{
    private const int PromptTokens = 128, NewTokens = 64, Vocabulary = 32_000;

    private readonly HttpClient http = new() { BaseAddress = server, Timeout = TimeSpan.FromMinutes(10) };

    public async Task<Figures> RunAsync()
    {
        // What is loaded and compiled with the first texts.
        await Task.WhenAll(Enumerable.Range(1, clients).Select(client => RequestAsync(seed: -client)));
        var begin = Stopwatch.GetTimestamp();
        var texts = await Task.WhenAll(Enumerable.Range(0, clients).Select(ClientAsync));
        var seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        var all = texts.SelectMany(texts => texts).ToList();
        double[] first = [.. all.Select(text => text.FirstTokenSeconds).Order()];
        return new(
            all.Sum(text => text.Tokens) / seconds, all.Count * (double)PromptTokens / seconds, Percentile(first, 0.5),
            Percentile(first, 0.95), all.Sum(text => text.Tokens), all.Count, seconds);
    }

    public void Dispose() => http.Dispose();

    private async Task<List<TextFigures>> ClientAsync(int client)
    {
        var texts = new List<TextFigures>();
        for (var request = 0; request < requestsOfClient; request++)
            texts.Add(await RequestAsync(client * requestsOfClient + request));
        return texts;
    }

    private async Task<TextFigures> RequestAsync(int seed)
    {
        var random = new Random(seed);
        int[] prompt = [.. Enumerable.Range(0, PromptTokens).Select(_ => random.Next(3, Vocabulary))];
        var begin = Stopwatch.GetTimestamp();
        using var message = new HttpRequestMessage(HttpMethod.Post, dialect.Path)
        {
            Content = JsonContent.Create(dialect.Body(prompt, NewTokens)),
        };
        message.Headers.ConnectionClose = true;  // llama-server closes connections that are to be used again
        using var response = await http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead);
        response.EnsureSuccessStatusCode();
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        var (tokens, first) = (0, 0.0);
        while (await reader.ReadLineAsync() is { } line)
        {
            if (!line.StartsWith("data: {", StringComparison.Ordinal)) continue;
            if (first == 0) first = Stopwatch.GetElapsedTime(begin).TotalSeconds;
            if (dialect.TokensOf(JsonNode.Parse(line[6..])!) is { } count) tokens = count;
        }

        if (tokens != NewTokens) throw new InvalidOperationException($"expected {NewTokens} tokens, found {tokens}");
        return new(tokens, first);
    }

    private static double Percentile(double[] sorted, double part) =>
        sorted[Math.Min(sorted.Length - 1, (int)Math.Ceiling(part * sorted.Length) - 1)];

    private sealed record TextFigures(int Tokens, double FirstTokenSeconds);
}

/// <summary>How a server is asked.</summary>
/// <param name="Path">Where.</param>
/// <param name="Body">The request, for a prompt and a number of new tokens.</param>
/// <param name="TokensOf">The number of tokens of a text, if this part of the stream has it.</param>
internal sealed record Dialect(string Path, Func<int[], int, JsonObject> Body, Func<JsonNode, int?> TokensOf);

internal static class Dialects
{
    public static Dialect Named(string name) => name == "bam" ? Bam : LlamaCpp;

    private static readonly Dialect Bam = new(
        "/v1/completions",
        (prompt, count) => new()
        {
            ["prompt"] = JsonSerializer.SerializeToNode(prompt), ["max_tokens"] = count, ["temperature"] = 0, ["stream"] = true,
            ["ignore_eos"] = true, ["stream_options"] = new JsonObject { ["include_usage"] = true },
        },
        part => (int?)part["usage"]?["completion_tokens"]);

    private static readonly Dialect LlamaCpp = new(
        "/completion",
        (prompt, count) => new()
        {
            ["prompt"] = JsonSerializer.SerializeToNode(prompt), ["n_predict"] = count, ["temperature"] = 0, ["stream"] = true,
            ["ignore_eos"] = true, ["cache_prompt"] = false,
        },
        part => (bool?)part["stop"] == true ? (int?)part["tokens_predicted"] : null);
}

/// <summary>What a round gave.</summary>
/// <param name="NewTokensPerSecond">Of all clients together.</param>
/// <param name="PromptTokensPerSecond">Likewise.</param>
/// <param name="FirstTokenMedian">Seconds from the request to the first token.</param>
/// <param name="FirstToken95">The same, of 95 % of the requests at most.</param>
/// <param name="NewTokens">All.</param>
/// <param name="Requests">All.</param>
/// <param name="Seconds">From the first request to the last token.</param>
internal sealed record Figures(
    double NewTokensPerSecond, double PromptTokensPerSecond, double FirstTokenMedian, double FirstToken95, int NewTokens,
    int Requests, double Seconds)
{
    public static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
}
