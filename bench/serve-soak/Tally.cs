using System.Net;
using System.Text.Json;
using Bam.Generation;
using Bam.Server.Tests;

namespace Bam.Bench.ServeSoak;

/// <summary>Counts of what became of the requests.</summary>
internal sealed class Tally
{
    private const string Path = "/v1/completions";

    private static readonly string[] Malformed =
    [
        "{", "{\"prompt\": [1, 999]}", "{\"max_tokens\": -1}", "{\"prompt\": \"a\", \"n\": 0}", "{\"nonsense\": true}", "[]", "",
        "{\"prompt\": \"a\", \"stop\": [\"\"]}", "{\"prompt\": \"\\ud800\"}",
    ];

    private int right, wrong, left, refused;

    public int Right => right;

    public int Wrong => wrong;

    /// <summary>Clients that left before the answer.</summary>
    public int Left => left;

    /// <summary>Malformed requests that got status 400.</summary>
    public int Refused => refused;

    /// <summary>Sends request <paramref name="i"/>: every tenth is malformed, and every tenth client leaves.</summary>
    public async Task Ask(TestServer server, SoakText text, int i)
    {
        if (i % 10 == 3)
        {
            using var response = await server.Post(Path, Malformed[i / 10 % Malformed.Length]);
            Interlocked.Increment(ref response.StatusCode == HttpStatusCode.BadRequest ? ref refused : ref wrong);
        }
        else if (i % 10 == 7)
        {
            await Leave(server, i);
        }
        else
        {
            var answer = i % 2 == 0 ? [await server.Ask(Path, text.Request)] : await server.Stream(Path, text.Streamed);
            var found = string.Concat(answer.Select(part => part.GetProperty("choices")[0].GetProperty("text").GetString()));
            Interlocked.Increment(ref found == text.Expected ? ref right : ref wrong);
        }
    }

    private async Task Leave(TestServer server, int i)
    {
        using var leaving = new CancellationTokenSource(TimeSpan.FromMilliseconds(i / 10 % 15));
        try
        {
            var stream = i % 4 == 1 ? "true" : "false";
            var request = $"{{\"prompt\": [{i % 159}], \"max_tokens\": 120, \"ignore_eos\": true, \"stream\": {stream}}}";
            using var response = await server.Post(Path, request, leaving.Token);
            await response.Content.ReadAsByteArrayAsync(leaving.Token);
        }
        catch (OperationCanceledException)
        {
        }

        Interlocked.Increment(ref left);
    }
}

/// <summary>A request and its right answer.</summary>
/// <param name="Request">Its body.</param>
/// <param name="Streamed">The same for a stream.</param>
/// <param name="Expected">The text of its ids, decoded alone.</param>
internal sealed record SoakText(string Request, string Streamed, string Expected)
{
    private const int Count = 400;

    /// <summary>Texts of all lengths, greedy and sampled.</summary>
    public static IReadOnlyList<SoakText> Some(TestModel model) => [.. Enumerable.Range(0, Count).Select(i => Of(model, i))];

    private static SoakText Of(TestModel model, int i)
    {
        int[] prompt = [.. Enumerable.Range(0, 1 + i * 7 % 60).Select(place => (i * 31 + place * 17) % 159)];
        var maxTokens = 1 + i * 13 % 60;
        var sampler = new SamplerOptions { Temperature = i % 3 == 0 ? 0 : 0.9, Seed = i, TopP = i % 4 == 0 ? 0.8 : 1 };
        var request = JsonSerializer.Serialize(new
        {
            prompt, max_tokens = maxTokens, temperature = sampler.Temperature, seed = i, top_p = sampler.TopP,
        });
        var ids = TestServer.Alone(model, prompt, maxTokens, sampler);
        return new(request, request[..^1] + ", \"stream\": true}", model.Tokenizer.Decode(ids, skipSpecialTokens: true));
    }
}

/// <summary>The machine, and the process's memory.</summary>
internal static class Memory
{
    /// <summary>The processor and the number of its cores.</summary>
    public static string Processor()
    {
        const string key = "model name";
        var line = File.ReadLines("/proc/cpuinfo").First(line => line.StartsWith(key, StringComparison.Ordinal));
        return $"{line[(line.IndexOf(':') + 2)..]}, {Environment.ProcessorCount} cores";
    }

    /// <summary>Resident bytes after a collection.</summary>
    public static long Resident()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        using var process = System.Diagnostics.Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
