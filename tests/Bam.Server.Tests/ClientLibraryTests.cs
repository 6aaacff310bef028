using System.ClientModel;
using System.ClientModel.Primitives;
using Bam.Generation;
using Bam.Server.Serving;
using Microsoft.Extensions.AI;
using OpenAI;
using OpenAI.Chat;
using Shouldly;
using Xunit;

namespace Bam.Server.Tests;

/// <summary>The clients that .NET programs use: OpenAI's own package, and Microsoft.Extensions.AI over it.</summary>
[Collection(ServerCollection.Name)]
public sealed class ClientLibraryTests : IAsyncLifetime
{
    private const string Key = "a-secret";

    private TestServer server = null!;
    private OpenAIClient client = null!;

    public async Task InitializeAsync()
    {
        server = await TestServer.Start(new ServerOptions { ApiKey = Key });
        client = Client(Key);
    }

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task OpenAIs_package_lists_the_model()
    {
        var models = await client.GetOpenAIModelClient().GetModelsAsync();
        models.Value.ShouldHaveSingleItem().Id.ShouldBe(TestModel.Name);
        (await client.GetOpenAIModelClient().GetModelAsync(TestModel.Name)).Value.OwnedBy.ShouldBe("bam");
    }

    [Fact]
    public async Task OpenAIs_package_gets_an_answer_with_probabilities()
    {
        var answer = (await client.GetChatClient(TestModel.Name).CompleteChatAsync(
            [new SystemChatMessage("be brief"), new UserChatMessage("Hi")],
            new ChatCompletionOptions
            {
                MaxOutputTokenCount = 12, Seed = 5, Temperature = 0.7f, TopP = 0.9f, IncludeLogProbabilities = true,
                TopLogProbabilityCount = 2, StopSequences = { "never" }, EndUserId = "someone",
            })).Value;
        answer.Role.ShouldBe(ChatMessageRole.Assistant);
        answer.Content[0].Text.ShouldBe(TextAfter("system: be brief; user: Hi; assistant: ", 12, new SamplerOptions
        {
            Seed = 5, Temperature = 0.7f, TopP = 0.9f,
        }));
        answer.ContentTokenLogProbabilities.Count.ShouldBe(answer.Usage.OutputTokenCount);
        answer.ContentTokenLogProbabilities[0].TopLogProbabilities.Count.ShouldBe(2);
        answer.Usage.InputTokenCount.ShouldBe("system: be brief; user: Hi; assistant: ".Length);
        answer.Model.ShouldBe(TestModel.Name);
    }

    [Fact]
    public async Task OpenAIs_package_reads_a_stream()
    {
        var (text, reasons, usage) = ("", new List<OpenAI.Chat.ChatFinishReason>(), (ChatTokenUsage?)null);
        await foreach (var update in client.GetChatClient(TestModel.Name).CompleteChatStreamingAsync(
            [new UserChatMessage("Hi")], new ChatCompletionOptions { MaxOutputTokenCount = 20, Seed = 6 }))
        {
            text += string.Concat(update.ContentUpdate.Select(part => part.Text));
            if (update.FinishReason is { } reason) reasons.Add(reason);
            usage = update.Usage ?? usage;
        }

        text.ShouldBe(TextAfter("user: Hi; assistant: ", 20, new SamplerOptions { Seed = 6 }));
        reasons.Count.ShouldBe(1);
        usage!.InputTokenCount.ShouldBe("user: Hi; assistant: ".Length);
        usage.OutputTokenCount.ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task OpenAIs_package_throws_the_servers_error()
    {
        var error = await Should.ThrowAsync<ClientResultException>(
            () => client.GetChatClient("gpt-4").CompleteChatAsync(new UserChatMessage("Hi")));
        (error.Status, error.Message.Contains("model_not_found", StringComparison.Ordinal)).ShouldBe((404, true));
        error = await Should.ThrowAsync<ClientResultException>(
            () => Client("wrong").GetChatClient(TestModel.Name).CompleteChatAsync(new UserChatMessage("Hi")));
        error.Status.ShouldBe(401);
    }

    [Fact]
    public async Task Microsofts_abstraction_gets_an_answer_and_a_stream()
    {
        var chat = client.GetChatClient(TestModel.Name).AsIChatClient();
        var options = new ChatOptions { MaxOutputTokens = 20, Seed = 8, Temperature = 1, StopSequences = ["never", "there"] };
        var expected = TextAfter("user: Hi; assistant: ", 20, new SamplerOptions { Seed = 8 });
        var answer = await chat.GetResponseAsync("Hi", options);
        answer.Text.ShouldBe(expected);
        answer.Usage!.TotalTokenCount.ShouldBe(answer.Usage.InputTokenCount + answer.Usage.OutputTokenCount);
        var updates = await chat.GetStreamingResponseAsync("Hi", options).ToListAsync();
        updates.ToChatResponse().Text.ShouldBe(expected);
        updates.ToChatResponse().FinishReason.ShouldNotBeNull();
    }

    [Fact]
    public async Task Settings_of_the_clients_that_change_nothing_are_accepted()
    {
        var expected = TextAfter("user: Hi; assistant: ", 20, new SamplerOptions { Seed = 8 });
        var direct = client.GetChatClient(TestModel.Name);
        var answer = await direct.CompleteChatAsync([new UserChatMessage("Hi")], new ChatCompletionOptions
        {
            MaxOutputTokenCount = 20, Seed = 8, ResponseFormat = OpenAI.Chat.ChatResponseFormat.CreateTextFormat(),
            ToolChoice = ChatToolChoice.CreateNoneChoice(), AllowParallelToolCalls = false, StoredOutputEnabled = false,
            PresencePenalty = 0, FrequencyPenalty = 0, ResponseModalities = ChatResponseModalities.Text,
        });
        answer.Value.Content[0].Text.ShouldBe(expected);
        var options = new ChatOptions
        {
            MaxOutputTokens = 20, Seed = 8, ResponseFormat = Microsoft.Extensions.AI.ChatResponseFormat.Text, Tools = [],
            ToolMode = ChatToolMode.None, AllowMultipleToolCalls = true, PresencePenalty = 0, FrequencyPenalty = 0,
        };
        (await direct.AsIChatClient().GetResponseAsync("Hi", options)).Text.ShouldBe(expected);
        // The answer goes back as it came, with the fields that the clients add.
        var turns = new List<Microsoft.Extensions.AI.ChatMessage> { new(ChatRole.User, "Hi") };
        turns.AddRange((await direct.AsIChatClient().GetResponseAsync(turns, options)).Messages);
        (await direct.AsIChatClient().GetResponseAsync([.. turns, new(ChatRole.User, "And?")], options)).Usage.ShouldNotBeNull();
    }

    [Fact]
    public async Task Settings_of_the_clients_that_would_change_the_answer_are_refused()
    {
        var chat = client.GetChatClient(TestModel.Name).AsIChatClient();
        foreach (var options in new ChatOptions[]
            {
                new() { Tools = [AIFunctionFactory.Create(() => 1, "one")] },
                new() { ResponseFormat = Microsoft.Extensions.AI.ChatResponseFormat.Json },
            })
        {
            var error = await Should.ThrowAsync<ClientResultException>(() => chat.GetResponseAsync("Hi", options));
            (error.Status, error.Message.Contains("changes the answer", StringComparison.Ordinal)).ShouldBe((400, true));
        }
    }

    private OpenAIClient Client(string key) => new(
        new ApiKeyCredential(key),
        new OpenAIClientOptions
        {
            Endpoint = new Uri(server.Address, "/v1"), RetryPolicy = new ClientRetryPolicy(maxRetries: 0),
        });

    private string TextAfter(string prompt, int maxTokens, SamplerOptions sampler) => server.Model.Tokenizer.Decode(
        TestServer.Alone(server.Model, server.Model.Tokenizer.Encode(prompt), maxTokens, sampler), skipSpecialTokens: true);
}
