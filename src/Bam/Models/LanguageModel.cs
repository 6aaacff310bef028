using Bam.Checkpoints;
using Bam.Torch;
using Bam.Torch.Functions;
using Bam.Torch.Kernels;

namespace Bam.Models;

/// <summary>
/// The decoder: dense, BTX (feed-forward experts) or BAM (attention experts as well), in one file from the token to the loss.
/// </summary>
/// <remarks>
/// Sizes: B sequences, T positions, n = B·T tokens, V vocabulary, d hidden, f feed-forward hidden, H query heads and
/// G key-value heads of one expert, D head_dim, N attention experts, M feed-forward experts, k experts per token.
/// </remarks>
internal sealed class LanguageModel : IDisposable
{
    private readonly ScalarType computeType;
    private readonly RotaryTables rotary;
    private readonly Parameter embedding;
    private readonly Parameter head;
    private readonly Parameter? headBias;
    private readonly NormWeights finalNorm;
    private readonly Block[] blocks;

    /// <summary>Allocates the parameters, all zero: <see cref="ModelInitializer"/> or <see cref="ModelCheckpoint"/> fills them.</summary>
    /// <param name="config">Sizes and choices.</param>
    /// <param name="device">Where everything is computed.</param>
    /// <param name="computeType">The dtype of matrix products and activations; values, moments, routers and norms stay float32.</param>
    /// <param name="withGradients">False saves half of the memory; the model then cannot be trained.</param>
    public LanguageModel(ModelConfig config, Device device, ScalarType computeType = ScalarType.Float32, bool withGradients = true)
    {
        ArgumentNullException.ThrowIfNull(config);
        (Config, Device, this.computeType) = (config, device, computeType);
        var stacks = ParameterLayout.Of(config);
        Parameters = new ParameterArena([.. stacks.Select(stack => (stack.Name, stack.Shape))], device, withGradients);
        Slices = SlicesOf(stacks, Parameters);
        rotary = new RotaryTables(config.MaxPositionEmbeddings, config.RotaryDim, config.RopeTheta, config.RopeInterleaved, device, config.RopeScaling is { } scaling ? scaling.Scale : null);
        embedding = Parameter(ParameterTable.Embedding);
        head = config.TieWordEmbeddings ? embedding : Parameter(ParameterTable.Head);
        headBias = config.LmHeadBias ? Parameter(ParameterTable.HeadBias) : null;
        finalNorm = NormOf("model.norm");
        blocks = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(BlockOf)];
    }

    /// <summary>Sizes and choices.</summary>
    public ModelConfig Config { get; }

    /// <summary>Where the parameters are.</summary>
    public Device Device { get; }

    /// <summary>All values and gradients, each in one buffer.</summary>
    public ParameterArena Parameters { get; }

    /// <summary>Where each tensor of the checkpoint lies in <see cref="Parameters"/>, in file order.</summary>
    public IReadOnlyList<ParameterSlice> Slices { get; }

    /// <summary>The scores of every next token.</summary>
    /// <param name="inputIds">[B, T], int64.</param>
    /// <returns>[B, T, V] in float32.</returns>
    public Tensor Logits(Tensor inputIds)
    {
        using var scope = TensorScope.Open();
        return scope.Keep(Scores(Hidden(inputIds)));
    }

    /// <summary>Memory for the keys and values of tokens to come.</summary>
    /// <param name="capacity">The positions, of each sequence.</param>
    /// <param name="batchSize">B, sequences that are decoded together.</param>
    public KeyValueCache CreateCache(int capacity, int batchSize = 1) => new(Config, batchSize, capacity, Device, computeType);

    /// <summary>Reads further tokens, and scores the one that comes after the last. Builds no graph.</summary>
    /// <param name="inputIds">[B, T], int64: the tokens that follow those in the cache.</param>
    /// <param name="cache">The tokens so far; the new ones are added.</param>
    /// <param name="trace">Receives which experts took the last token.</param>
    /// <returns>[B, V] in float32.</returns>
    public Tensor NextLogits(Tensor inputIds, KeyValueCache cache, RoutingTrace? trace = null)
    {
        ArgumentNullException.ThrowIfNull(inputIds);
        ArgumentNullException.ThrowIfNull(cache);
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        var length = inputIds.Size(1);
        cache.RequireRoom(inputIds.Size(0), length);
        var x = Hidden(inputIds, routerLosses: null, trace?.Layers, cache);
        cache.Advance(length);
        return scope.Keep(Scores(x.Select(1, length - 1)));
    }

    /// <summary>The training loss, L = NLL + Σ over layers of (α · LB + β · Z).</summary>
    /// <param name="inputIds">[B, T], int64.</param>
    /// <param name="targets">[B, T], int64; <see cref="LinearCrossEntropyFunction.IgnoreIndex"/> does not count.</param>
    /// <param name="statistics">Receives where the routers sent the tokens.</param>
    public LossTerms Loss(Tensor inputIds, Tensor targets, RoutingStatistics? statistics = null)
    {
        ArgumentNullException.ThrowIfNull(targets);
        using var scope = TensorScope.Open();
        using var routerLosses = new RouterLosses();
        var x = Hidden(inputIds, routerLosses, statistics?.Layers).Reshape(-1, Config.HiddenSize);  // [n, d]
        var nll = LinearCrossEntropyFunction.Apply(x, head, targets.Reshape(-1), Config.LogitScale, headBias);
        var (total, loadBalancing, z) = (nll, routerLosses.LoadBalancing(Config, Device), routerLosses.Z(Config, Device));
        if (Config.NumLocalExperts > 1)
            total = nll + loadBalancing.Sum() * Config.RouterAuxLossCoef + z.Sum() * Config.RouterZLossCoef;
        return new(scope.Keep(total), scope.Keep(nll.Detach()), scope.Keep(loadBalancing.Detach()), scope.Keep(z.Detach()));
    }

    /// <summary>Shows observers what passes through the blocks. Builds no graph.</summary>
    /// <param name="inputIds">[B, T], int64.</param>
    /// <param name="observers">One for each block.</param>
    public void Observe(Tensor inputIds, IReadOnlyList<IRoutingObserver> observers)
    {
        ArgumentNullException.ThrowIfNull(inputIds);
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        Hidden(inputIds, routerLosses: null, observers);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        rotary.Dispose();
        Parameters.Dispose();
    }

    private Tensor Scores(Tensor x)
    {
        using var scope = TensorScope.Open();
        var scores = LinearFunction.Apply(x, head).To(ScalarType.Float32);
        if (headBias is not null) scores += headBias.Leaf;
        return scope.Keep(scores * Config.LogitScale);
    }

    private Tensor Hidden(
        Tensor inputIds, RouterLosses? routerLosses = null, IReadOnlyList<IRoutingObserver>? observers = null, KeyValueCache? cache = null)
    {
        using var scope = TensorScope.Open();
        RequireLength((cache?.Length ?? 0) + inputIds.Size(1));
        var x = EmbeddingFunction.Apply(inputIds, embedding).To(computeType);  // [B, T, d]
        for (var layer = 0; layer < blocks.Length; layer++)
            x = Forward(x, blocks[layer], routerLosses, observers?[layer], cache?.Layer(layer));
        return scope.Keep(finalNorm.Apply(x, Config));
    }

    private Tensor Forward(Tensor x, Block block, RouterLosses? routerLosses, IRoutingObserver? observer, LayerCache? cache)
    {
        using var scope = TensorScope.Open();
        observer?.AddResidual(x);
        var h = block.InputNorm.Apply(x, Config);
        if (Config.ParallelBlock)
        {
            var second = block.SecondNorm is { } norm ? norm.Apply(x, Config) : h;
            return scope.Keep(x + Attention(h, block, observer, cache) + FeedForward(second, block, routerLosses, observer));
        }

        x += Attention(h, block, observer, cache);
        return scope.Keep(x + FeedForward(block.SecondNorm!.Apply(x, Config), block, routerLosses, observer));
    }

    // MoA(h) = Σ_i g_i(h) · MHA_i(h) (BAM, Eq. 3): all experts' heads in one attention; the product with the experts' output
    // projections side by side sums over the experts.
    private Tensor Attention(Tensor h, Block block, IRoutingObserver? observer, LayerCache? cache)
    {
        using var scope = TensorScope.Open();
        observer?.AddAttentionInput(h);
        var gates = block.AttentionRouter is { } router ? Router(h, router).Softmax(-1) : null;  // [B, T, N]
        if (gates is not null) observer?.AddGates(gates);
        var shape = ShapeOf(h);
        if (gates is not null && Config.AttentionRouting == AttentionRouting.TopK)
            return scope.Keep(SparseAttention.Apply(h, gates, block.Qkv, block.HeadNorms, block.Output, shape, rotary, Config, cache));

        var qkv = block.Qkv.Apply(h);  // [B, T, (N·H + 2·N·G)·D]; with shared keys and values (N·H + 2·G)·D
        if (block.HeadNorms is { } norms) qkv = norms.Apply(qkv, shape.QueryHeads, shape.KeyValueHeads, Config);
        var heads = cache is null  // [B, T, N·H·D]
            ? CausalAttentionFunction.Apply(qkv, gates, shape, rotary)
            : CachedAttention.Apply(qkv, gates, shape, rotary, cache.Keys, cache.Values, cache.Start);
        var mixed = LinearFunction.Apply(heads, block.Output.Weight, inputFirst: true);
        return scope.Keep(block.Output.Bias is { } bias ? mixed + OutputBias(bias, gates).To(mixed.ScalarType) : mixed);
    }

    // Σ_i g_i(h) · b_i of the experts' biases [N·d].
    private Tensor OutputBias(Tensor bias, Tensor? gates) => gates is null ? bias : gates.MatMul(bias.View(-1, Config.HiddenSize));

    private Tensor FeedForward(Tensor h, Block block, RouterLosses? routerLosses, IRoutingObserver? observer)
    {
        using var scope = TensorScope.Open();
        observer?.AddFeedForwardInput(h);
        var tokens = h.Reshape(-1, Config.HiddenSize);  // [n, d]
        if (block.FeedForwardRouter is not { } router) return scope.Keep(Expert(tokens, block, 0).Reshape(h.Shape));

        var logits = Router(tokens, router);                   // [n, M]
        var probabilities = logits.Softmax(-1);                // [n, M]
        var (weights, chosen) = probabilities.TopK(Config.NumExpertsPerTok);  // [n, k] each
        if (Config.NormTopkProb) weights /= weights.Sum(-1, keepDim: true);
        var dispatch = ExpertDispatch.Sort(chosen, Config.NumLocalExperts);
        routerLosses?.Add(logits, probabilities, dispatch.Shares);
        observer?.AddAssignments(chosen, probabilities);

        var outputs = dispatch.Map(dispatch.Gather(tokens), (batch, expert) => Expert(batch, block, expert));
        return scope.Keep(dispatch.Combine(outputs, weights.To(computeType)).Reshape(h.Shape));
    }

    // down(act(gate(h)) ∘ up(h)), or down(act(up(h)))
    private Tensor Expert(Tensor tokens, Block block, int expert)
    {
        using var scope = TensorScope.Open();
        return scope.Keep(block.Down[expert].Apply(Activate(block.GateUp[expert].Apply(tokens))));
    }

    // [n, 2f] of gate and up, or [n, f] of up alone, to [n, f].
    private Tensor Activate(Tensor projected)
    {
        if (Config is { GatedMlp: true, HiddenAct: "silu" }) return SwiGluFunction.Apply(projected);
        if (!Config.GatedMlp) return Activation(projected);
        using var scope = TensorScope.Open();
        var width = Config.IntermediateSize;
        return scope.Keep(Activation(projected.Narrow(1, 0, width)) * projected.Narrow(1, width, width));
    }

    private Tensor Activation(Tensor x) => Config.HiddenAct switch
    {
        "silu" => x.Silu(),
        "gelu" => x.Gelu(),
        _ => x.GeluTanh(),
    };

    // A router's scores, always in float32.
    private static Tensor Router(Tensor h, Parameter router) => LinearFunction.Apply(h.To(ScalarType.Float32), router);

    private AttentionShape ShapeOf(Tensor h)
    {
        var (experts, keyValueExperts) = (Config.NumAttentionExperts, Config.ShareKeyValue ? 1 : Config.NumAttentionExperts);
        return new(
            (int)h.Size(0), (int)h.Size(1), experts * Config.NumAttentionHeads, keyValueExperts * Config.NumKeyValueHeads,
            Config.NumAttentionHeads, Config.NumKeyValueHeads, Config.HeadDim, Config.SlidingWindow ?? int.MaxValue);
    }

    private void RequireLength(long length)
    {
        if (length > Config.MaxPositionEmbeddings)
        {
            throw new InvalidInputException(
                "input_ids", $"at most {Config.MaxPositionEmbeddings} positions (max_position_embeddings)", $"{length}", "shorten the input");
        }
    }

    private Block BlockOf(int layer)
    {
        var prefix = $"model.layers.{layer}.";
        var experts = Enumerable.Range(0, Config.NumLocalExperts);
        return new(
            NormOf($"{prefix}input_layernorm"),
            Config.HasSecondNorm ? NormOf($"{prefix}post_attention_layernorm") : null,
            Config.NumAttentionExperts > 1 ? Parameter($"{prefix}self_attn.router.weight") : null,
            ProjectionOf(ParameterLayout.Qkv(layer), Config.AttentionBias),
            Config.QueryKeyNorm == QueryKeyNorm.None ? null : HeadNormsOf(layer),
            ProjectionOf(ParameterLayout.Output(layer), Config.AttentionOutputBias),
            Config.NumLocalExperts > 1 ? Parameter($"{prefix}mlp.router.weight") : null,
            [.. experts.Select(expert => ProjectionOf(ParameterLayout.GateUp(layer, expert), Config.MlpBias))],
            [.. experts.Select(expert => ProjectionOf(ParameterLayout.Down(layer, expert), Config.MlpBias))]);
    }

    private NormWeights NormOf(string module) => new(Parameters[$"{module}.weight"], Config.NormBias ? Parameters[$"{module}.bias"] : null);

    private Projection ProjectionOf(string stack, bool withBias) => new(Parameter(stack), withBias ? Parameters[ParameterLayout.BiasOf(stack)] : null);

    private HeadNorms HeadNormsOf(int layer) => new(
        Parameters[ParameterLayout.HeadNorm(layer, ParameterKind.QueryNorm)], Parameters[ParameterLayout.HeadNorm(layer, ParameterKind.KeyNorm)]);

    private Parameter Parameter(string stack) => new(Parameters[stack], Parameters.GradientOf(stack));

    private static List<ParameterSlice> SlicesOf(IReadOnlyList<ParameterStack> stacks, ParameterArena arena)
    {
        var slices = new List<ParameterSlice>();
        foreach (var stack in stacks)
        {
            var offset = arena.OffsetOf(stack.Name);
            foreach (var part in stack.Parts)
            {
                slices.Add(new(part, offset, stack.Transposed));
                offset += part.Count;
            }
        }

        return slices;
    }

    /// <summary>The weights of one block; projections with their biases.</summary>
    private sealed record Block(
        NormWeights InputNorm,
        NormWeights? SecondNorm,       // sequential blocks, and parallel ones with separate norms
        Parameter? AttentionRouter,    // [N, d]
        Projection Qkv,                // [(N·H + 2·N·G)·D, d]
        HeadNorms? HeadNorms,
        Projection Output,             // [N·H·D, d]; the bias is [N·d]
        Parameter? FeedForwardRouter,  // [M, d]
        Projection[] GateUp,           // M times [2f, d]; [f, d] without gate
        Projection[] Down);            // M times [d, f]
}
