using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Bam.Generation;
using Bam.Server.Serving;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Server.Tests;

/// <summary>Many clients at once, some of whom leave or ask for nonsense: every answer is what it would be alone.</summary>
[Collection(ServerCollection.Name)]
public sealed class LoadTests
{
    private const int Requests = 200, Clients = 16;

    private static readonly string[] Malformed =
    [
        "{", "{\"prompt\": [1, 999]}", "{\"max_tokens\": -1}", "{\"prompt\": \"a\", \"n\": 0}", "{\"nonsense\": true}", "[]",
    ];

    [Fact]
    public async Task Answers_are_those_alone_and_no_tensor_is_left()
    {
        var model = new TestModel();
        var expected = Enumerable.Range(0, Requests).Select(i => model.Tokenizer.Decode(
            TestServer.Alone(model, Prompt(i), MaxTokens(i), Sampler(i)), skipSpecialTokens: true)).ToArray();
        var before = Tensor.LiveCount;
        await using var server = await TestServer.Start(new ServerOptions { Slots = 5, Queue = Requests }, model);
        var cache = Tensor.LiveCount - before;
        var (right, left, refused) = (0, 0, 0);
        await Parallel.ForAsync(0, Requests, new ParallelOptions { MaxDegreeOfParallelism = Clients }, async (i, stop) =>
        {
            if (i % 10 == 3)
            {
                using var response = await server.Post("/v1/completions", Malformed[i / 10 % Malformed.Length], stop);
                response.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
                Interlocked.Increment(ref refused);
            }
            else if (i % 10 == 7)
            {
                var content = new StringContent(
                    RequestOf(i, maxTokens: 110)[..^1] + ", \"stream\": true}", new MediaTypeHeaderValue("application/json"));
                using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = content };
                using var response = await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
                response.StatusCode.ShouldBe(HttpStatusCode.OK);  // the client leaves when the stream has begun
                Interlocked.Increment(ref left);
            }
            else
            {
                (await TextOf(server, i)).ShouldBe(expected[i], $"request {i}");
                Interlocked.Increment(ref right);
            }
        });

        (right, left, refused).ShouldBe((160, 20, 20));
        for (var tries = 0; tries < 40_000 && server.Served.Scheduler.Load.Running > 0; tries++) await Task.Delay(5);
        server.Served.Scheduler.Load.ShouldBe((0, 0, 0));
        Tensor.LiveCount.ShouldBe(before + cache);
    }

    private static async Task<string> TextOf(TestServer server, int i)
    {
        var request = RequestOf(i, MaxTokens(i));
        if (i % 2 == 0) return TextOf(await server.Ask("/v1/completions", request));
        return string.Concat((await server.Stream("/v1/completions", request[..^1] + ", \"stream\": true}")).Select(TextOf));
    }

    private static string TextOf(JsonElement answer) => answer.GetProperty("choices")[0].GetProperty("text").GetString()!;

    private static string RequestOf(int i, int maxTokens) => JsonSerializer.Serialize(new
    {
        prompt = Prompt(i), max_tokens = maxTokens, temperature = Sampler(i).Temperature, seed = i, top_p = Sampler(i).TopP,
    });

    private static int[] Prompt(int i) => [.. Enumerable.Range(0, 1 + i * 7 % 16).Select(place => (i * 31 + place * 17) % 159)];

    private static int MaxTokens(int i) => 1 + i * 13 % 40;

    private static SamplerOptions Sampler(int i) => new()
    {
        Temperature = i % 3 == 0 ? 0 : 0.9, Seed = i, TopP = i % 4 == 0 ? 0.8 : 1,
    };
}
