using Bam.Generation;
using Bam.Generation.Batching;
using Bam.Models;
using Bam.Tests.Models;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Generation.Batching;

/// <summary>Continuous batching: each text is what it would be alone.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class DecodingSchedulerTests
{
    private const int Context = 30;

    public static TheoryData<string, double> Kinds => new()
    {
        { "dense", 0 }, { "bam", 0 }, { "bam", 0.9 }, { "bam-shared", 0 }, { "btx", 0.9 }, { "bam-top2", 0 },
        { "biased-bam", 1.5 },
    };

    [Theory, MemberData(nameof(Kinds))]
    public async Task A_text_does_not_depend_on_its_company(string kind, double temperature)
    {
        using var model = TinyModels.Create(KeyValueCacheTests.Config(kind));
        var prompts = Enumerable.Range(0, 12).Select(i => Ids(1 + i * 2 % 11, seed: i)).ToArray();
        var alone = new int[prompts.Length][];
        for (var i = 0; i < prompts.Length; i++)
            alone[i] = (await RunAsync(model, slots: 1, [prompts[i]], temperature, firstSeed: i))[0];
        foreach (var slots in new[] { 3, 8 })
        {
            var together = await RunAsync(model, slots, prompts, temperature);
            for (var i = 0; i < prompts.Length; i++) together[i].ShouldBe(alone[i], $"text {i} in {slots} slots");
        }
    }

    [Fact]
    public async Task A_scored_prompt_has_the_probabilities_of_the_whole()
    {
        using var model = TinyModels.Create(TinyModels.Bam);
        var prompt = Ids(20, seed: 1);
        var tokens = new List<DecodedToken>();
        using (var scheduler = new DecodingScheduler(model, new(Slots: 2, Context, MaxWaiting: 4) { TokensOfPass = 6 }))
        {
            await scheduler.Submit(new()
            {
                Prompt = prompt, MaxNewTokens = 1, Sampler = new() { Temperature = 0 }, TopLogProbs = 3, ScorePrompt = true,
                OnToken = token => Add(tokens, token),
            });
        }

        tokens.Select(token => token.Id).Take(20).ShouldBe(prompt);
        tokens.Count.ShouldBe(21);
        tokens[0].Score.ShouldBeNull();
        using var scope = TensorScope.Open();
        var logits = model.Logits(Tensor.From<long>(Array.ConvertAll(prompt, id => (long)id), [1, 20], Device.Cpu));
        var expected = logits.LogSoftmax(-1).Select(0, 0);
        for (var i = 1; i < 21; i++)
        {
            var row = expected.Select(0, i - 1).ToArray<float>();
            var score = tokens[i].Score!;
            score.LogProb.ShouldBe(row[tokens[i].Id], 1e-4);
            score.IsGreedy.ShouldBe(row[tokens[i].Id] == row.Max());
            score.Top.Select(top => top.LogProb).ShouldBe(
                row.OrderDescending().Take(3).Select(value => (double)value), tolerance: 1e-4);
            if (score.IsGreedy) score.Top[0].LogProb.ShouldBe(score.LogProb);
        }
    }

    [Fact]
    public async Task A_cancelled_text_frees_its_slot_and_the_others_go_on()
    {
        using var model = TinyModels.Create(TinyModels.Bam);
        using var scheduler = new DecodingScheduler(model, new(Slots: 1, Context, MaxWaiting: 4));
        using var cancellation = new CancellationTokenSource();
        var (first, second) = (new List<DecodedToken>(), new List<DecodedToken>());
        var leaving = scheduler.Submit(new()
        {
            Prompt = [1, 2], MaxNewTokens = 25, Cancellation = cancellation.Token,
            OnToken = token =>
            {
                if (first.Count == 2) cancellation.Cancel();
                return Add(first, token);
            },
        });
        var staying = scheduler.Submit(
            new() { Prompt = [3], MaxNewTokens = 5, OnToken = token => Add(second, token) });
        (await leaving).ShouldBe(DecodingEnd.Cancelled);
        (await staying).ShouldBe(DecodingEnd.Length);
        first.Count.ShouldBe(3);
        second.Count.ShouldBe(5);
    }

    [Fact]
    public async Task More_requests_than_may_wait_are_refused()
    {
        using var model = TinyModels.Create(TinyModels.Dense);
        using var gate = new ManualResetEventSlim();
        using var scheduler = new DecodingScheduler(model, new(Slots: 1, Context, MaxWaiting: 1));
        var running = scheduler.Submit(new()
        {
            Prompt = [1], MaxNewTokens = 2, OnToken = _ =>
            {
                gate.Wait();
                return true;
            },
        });
        while (scheduler.Load.Running == 0) Thread.Yield();
        var waiting = scheduler.Submit(new() { Prompt = [1], MaxNewTokens = 1, OnToken = _ => true });
        Should.Throw<QueueFullException>(
            () => { scheduler.Submit(new() { Prompt = [1], MaxNewTokens = 1, OnToken = _ => true }); });
        gate.Set();
        await Task.WhenAll(running, waiting);
        scheduler.Stop(TimeSpan.FromSeconds(10));
        Should.Throw<SchedulerStoppedException>(
            () => { scheduler.Submit(new() { Prompt = [1], MaxNewTokens = 1, OnToken = _ => true }); });
    }

    [Fact]
    public async Task A_request_that_was_cancelled_while_it_waited_makes_room()
    {
        using var model = TinyModels.Create(TinyModels.Dense);
        using var gate = new ManualResetEventSlim();
        using var scheduler = new DecodingScheduler(model, new(Slots: 1, Context, MaxWaiting: 1));
        using var cancellation = new CancellationTokenSource();
        var running = scheduler.Submit(new()
        {
            Prompt = [1], MaxNewTokens = 2, OnToken = _ =>
            {
                gate.Wait();
                return true;
            },
        });
        while (scheduler.Load.Running == 0) Thread.Yield();
        var leaving = scheduler.Submit(
            new() { Prompt = [1], MaxNewTokens = 1, OnToken = _ => true, Cancellation = cancellation.Token });
        await cancellation.CancelAsync();
        var waiting = scheduler.Submit(new() { Prompt = [1], MaxNewTokens = 1, OnToken = _ => true });
        (await leaving).ShouldBe(DecodingEnd.Cancelled);
        gate.Set();
        (await running).ShouldBe(DecodingEnd.Length);
        (await waiting).ShouldBe(DecodingEnd.Length);
    }

    [Fact]
    public async Task A_sampler_that_is_out_of_range_is_refused_at_once()
    {
        using var model = TinyModels.Create(TinyModels.Dense);
        using var scheduler = new DecodingScheduler(model, new(Slots: 1, Context, MaxWaiting: 1));
        var wrong = new DecodingRequest
        {
            Prompt = [1], MaxNewTokens = 1, Sampler = new() { Temperature = -1 }, OnToken = _ => true,
        };
        Should.Throw<InvalidInputException>(() => { scheduler.Submit(wrong); });
        (await scheduler.Submit(wrong with { Sampler = new() })).ShouldBe(DecodingEnd.Length);
    }

    [Fact]
    public async Task A_text_ends_by_its_end_token_its_room_or_its_receiver()
    {
        using var model = TinyModels.Create(TinyModels.Dense);
        using var scheduler = new DecodingScheduler(model, new(Slots: 2, Context, MaxWaiting: 4));
        var greedy = new SamplerOptions { Temperature = 0 };
        var all = new List<DecodedToken>();
        (await scheduler.Submit(
            new() { Prompt = [5], MaxNewTokens = 100, Sampler = greedy, OnToken = token => Add(all, token) }))
            .ShouldBe(DecodingEnd.Length);
        all.Count.ShouldBe(Context - 1);
        var ended = new List<DecodedToken>();
        (await scheduler.Submit(new()
        {
            Prompt = [5], MaxNewTokens = 100, Sampler = greedy, EndIds = new HashSet<int> { all[0].Id },
            OnToken = token => Add(ended, token),
        })).ShouldBe(DecodingEnd.Stop);
        ended.Count.ShouldBe(1);
        (await scheduler.Submit(new() { Prompt = [5], MaxNewTokens = 100, OnToken = _ => false })).ShouldBe(DecodingEnd.Stop);
    }

    [Fact]
    public async Task The_experts_of_each_token_are_those_of_a_trace()
    {
        using var model = TinyModels.Create(TinyModels.Bam);
        using var scheduler = new DecodingScheduler(model, new(Slots: 2, Context, MaxWaiting: 4));
        var tokens = new List<DecodedToken>();
        await scheduler.Submit(new()
        {
            Prompt = [5, 6, 7], MaxNewTokens = 6, Sampler = new() { Temperature = 0 }, TraceRouting = true,
            OnToken = token => Add(tokens, token),
        });
        tokens.Count.ShouldBe(6);
        using var scope = TensorScope.Open();
        var trace = new RoutingTrace(model.Config);
        using var cache = model.CreateCache(Context);
        model.NextLogits(Tensor.From<long>([5, 6, 7], [1, 3], Device.Cpu), cache);
        foreach (var token in tokens.SkipLast(1))
        {
            model.NextLogits(Tensor.From<long>([token.Id], [1, 1], Device.Cpu), cache, trace);
            for (var layer = 0; layer < 2; layer++)
            {
                token.Route![layer].FeedForwardExperts.ShouldBe(trace.LastToken[layer].FeedForwardExperts);
                token.Route[layer].AttentionGates.Zip(trace.LastToken[layer].AttentionGates, (x, y) => Math.Abs(x - y)).Max()
                    .ShouldBeLessThan(1e-5f);
            }
        }

        scheduler.ExpertUse.AssignmentsOf(0).Sum().ShouldBe(8);
        scheduler.ExpertUse.MeanGatesOf(1).Sum().ShouldBe(1, 1e-4);
    }

    [Fact]
    public async Task Long_texts_change_their_rotary_frequencies_on_the_way()
    {
        LibTorch.Load();
        using var model = ModelCheckpoint.Load(
            Fixtures.HuggingFaceModel("phi3-longrope"), Device.Cpu, SilentReporter.Instance, withGradients: false);
        int[][] prompts = [Ids(10, 1), Ids(14, 2), Ids(20, 3)];  // the original length is 16
        var alone = new int[prompts.Length][];
        for (var i = 0; i < prompts.Length; i++) alone[i] = (await RunAsync(model, 1, [prompts[i]], 0, i))[0];
        (await RunAsync(model, 3, prompts, 0)).ShouldBe(alone);
        using var scope = TensorScope.Open();
        for (var i = 0; i < prompts.Length; i++)
        {
            using var cache = model.CreateCache(Context);
            var next = Tensor.From<long>(Array.ConvertAll(prompts[i], id => (long)id), [1, prompts[i].Length], Device.Cpu);
            foreach (var id in alone[i])
            {
                next = model.NextLogits(next, cache).ArgMax(-1).Unsqueeze(1);
                next.Item<long>().ShouldBe(id);
            }
        }
    }

    private static int[] Ids(int length, int seed) => [.. TinyModels.Ids(1, length, seed).ToArray<long>().Select(id => (int)id)];

    private static bool Add(List<DecodedToken> tokens, DecodedToken token)
    {
        tokens.Add(token);
        return true;
    }

    private static async Task<int[][]> RunAsync(
        LanguageModel model, int slots, int[][] prompts, double temperature, int firstSeed = 0)
    {
        using var scheduler = new DecodingScheduler(model, new(slots, Context, MaxWaiting: 100) { TokensOfPass = 16 });
        var texts = prompts.Select(_ => new List<DecodedToken>()).ToArray();
        await Task.WhenAll(prompts.Select((prompt, i) => scheduler.Submit(new()
        {
            Prompt = prompt, MaxNewTokens = 8, Sampler = new() { Temperature = temperature, Seed = firstSeed + i },
            OnToken = token => Add(texts[i], token),
        })));
        return [.. texts.Select(tokens => tokens.Select(token => token.Id).ToArray())];
    }
}
