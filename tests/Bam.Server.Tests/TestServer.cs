using System.Net.Http.Headers;
using System.Text.Json;
using Bam.Generation;
using Bam.Generation.Batching;
using Bam.Server.Serving;

namespace Bam.Server.Tests;

/// <summary>A server on a free port, with a client.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly TestModel model;
    private readonly ServedModel served;
    private readonly ApiServer server;

    private TestServer(TestModel model, ServedModel served, ApiServer server)
    {
        (this.model, this.served, this.server) = (model, served, server);
        Client = new HttpClient { BaseAddress = new Uri(server.Address), Timeout = TimeSpan.FromMinutes(2) };
    }

    public static async Task<TestServer> Start(ServerOptions? options = null, TestModel? model = null)
    {
        model ??= new TestModel();
        var served = new ServedModel(
            model.Model, model.Tokenizer, model.Directory, (options ?? new()) with { Port = 0 }, SilentReporter.Instance);
        return new(model, served, await ApiServer.Start(served));
    }

    public HttpClient Client { get; }

    public TestModel Model => model;

    public ServedModel Served => served;

    public Uri Address => Client.BaseAddress!;

    public Task Stop() => server.Stop();

    public Task<HttpResponseMessage> Post(string path, string json, CancellationToken cancellation = default) =>
        Client.PostAsync(path, new StringContent(json, new MediaTypeHeaderValue("application/json", "utf-8")), cancellation);

    /// <summary>The answer to a request that must succeed.</summary>
    public async Task<JsonElement> Ask(string path, string json)
    {
        using var response = await Post(path, json);
        var body = await response.Content.ReadAsStringAsync();
        return response.IsSuccessStatusCode
            ? JsonElement.Parse(body)
            : throw new InvalidOperationException($"{(int)response.StatusCode} {body}");
    }

    /// <summary>The answer to a GET.</summary>
    public async Task<JsonElement> Get(string path) => JsonElement.Parse(await Client.GetStringAsync(path));

    /// <summary>The chunks of a stream, without the last line.</summary>
    public async Task<IReadOnlyList<JsonElement>> Stream(string path, string json)
    {
        using var response = await Post(path, json);
        var body = await response.Content.ReadAsStringAsync();
        if (!response.IsSuccessStatusCode) throw new InvalidOperationException(body);
        var events = body.Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        return events[^1] == "data: [DONE]"
            ? [.. events.SkipLast(1).Select(line => JsonElement.Parse(line["data: ".Length..]))]
            : throw new InvalidOperationException($"no end: {events[^1]}");
    }

    /// <summary>The new ids of a text, decoded alone in a scheduler of one slot.</summary>
    public static int[] Alone(TestModel model, int[] prompt, int maxTokens, SamplerOptions sampler)
    {
        var ids = new List<int>();
        using var scheduler = new DecodingScheduler(model.Model, new(Slots: 1, TestModel.Context, MaxWaiting: 1));
        scheduler.Submit(new()
        {
            Prompt = prompt, MaxNewTokens = maxTokens, Sampler = sampler, EndIds = new HashSet<int> { TestModel.EndOfTextId },
            OnToken = token =>
            {
                ids.Add(token.Id);
                return true;
            },
        }).Wait();
        return [.. ids];
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await server.DisposeAsync();
        served.Dispose();
        model.Dispose();
    }
}
