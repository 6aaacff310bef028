using Bam.Generation.Batching;
using Bam.Models;
using Bam.Tests.Models;
using Shouldly;
using Xunit;

namespace Bam.Tests.Generation.Batching;

/// <summary>Texts with a common beginning: it is read once, and each text is what it would be alone.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class CommonBeginningTests
{
    private const int Context = 30;
    private const int Common = 20;

    private static readonly int[] Beginning = [.. Enumerable.Range(0, Common).Select(i => i * 7 % 48)];

    // Each goes on with another token.
    private static readonly int[][] Prompts =
        [.. Enumerable.Range(0, 6).Select(i => (int[])[.. Beginning, 40 + i, 3 * i, 5])];

    public static TheoryData<string, int> Kinds => new()
    {
        { "dense", 1 }, { "dense", 3 }, { "bam", 3 }, { "bam-shared", 8 }, { "bam-top2", 3 }, { "biased-bam", 3 }, { "btx", 2 },
    };

    [Theory, MemberData(nameof(Kinds))]
    public async Task It_is_read_once_and_changes_nothing(string kind, int slots)
    {
        using var model = TinyModels.Create(KeyValueCacheTests.Config(kind));
        var (together, read) = await RunAsync(model, slots, Prompts);
        read.ShouldBe(Common + Prompts.Length * (3 + 3));  // of four new tokens the last one is not read
        for (var i = 0; i < Prompts.Length; i++)
        {
            var (alone, readAlone) = await RunAsync(model, 1, [Prompts[i]]);
            readAlone.ShouldBe(Common + 3 + 3);
            together[i].Ids.ShouldBe(alone[0].Ids);
            together[i].Logits.ShouldBe(alone[0].Logits);
        }
    }

    [Fact]
    public async Task A_scored_prompt_is_read_again()
    {
        using var model = TinyModels.Create(TinyModels.Bam);
        using var scheduler = new DecodingScheduler(model, new(Slots: 2, Context, MaxWaiting: 4));
        await scheduler.Submit(new() { Prompt = Prompts[0], MaxNewTokens = 1 });
        var tokens = new List<DecodedToken>();
        await scheduler.Submit(new()
        {
            Prompt = Prompts[0], MaxNewTokens = 0, ScorePrompt = true, OnToken = token =>
            {
                tokens.Add(token);
                return true;
            },
        });
        tokens.Select(token => token.Id).ShouldBe(Prompts[0]);
        tokens.Skip(1).ShouldAllBe(token => token.Score != null);
    }

    // The new tokens of each text, the logits after the last four of its prompt, and the tokens read in all.
    private static async Task<((List<int> Ids, List<float> Logits)[] Texts, long Read)> RunAsync(
        LanguageModel model, int slots, int[][] prompts)
    {
        using var scheduler = new DecodingScheduler(model, new(slots, Context, MaxWaiting: 100) { TokensOfPass = 32 });
        var texts = prompts.Select(_ => (Ids: new List<int>(), Logits: new List<float>())).ToArray();
        await Task.WhenAll(prompts.Select((prompt, i) => scheduler.Submit(new()
        {
            Prompt = prompt,
            MaxNewTokens = 4,
            Sampler = new() { Temperature = 0 },
            LogitsFrom = Common,
            OnLogits = (_, logits) => texts[i].Logits.AddRange(logits.Span),
            OnToken = token =>
            {
                texts[i].Ids.Add(token.Id);
                return true;
            },
        })));
        texts.ShouldAllBe(text => text.Ids.Count == 4 && text.Logits.Count == 3 * 48);
        return (texts, scheduler.Counts.Tokens);
    }
}
