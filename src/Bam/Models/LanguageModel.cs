using Bam.Checkpoints;
using Bam.Torch;
using Bam.Torch.Distributed;
using Bam.Torch.Functions;
using Bam.Torch.Kernels;

namespace Bam.Models;

/// <summary>The decoder, from the token to the loss: dense, BTX (feed-forward experts) or BAM (attention experts too).</summary>
/// <remarks>
/// Sizes: B sequences, T positions, n = B·T tokens, V vocabulary, d hidden, f feed-forward hidden, H query heads and
/// G key-value heads of one expert, D head_dim, N attention experts, M feed-forward experts, k experts per token.
/// </remarks>
internal sealed partial class LanguageModel : IDisposable
{
    private readonly ScalarType computeType;
    private readonly RotaryEmbedding rotary;
    private readonly Parameter embedding;
    private readonly OutputHead head;
    private readonly NormWeights finalNorm;
    private readonly BlockWeights[] blocks;

    /// <summary>Allocates zeros, which <see cref="ModelInitializer"/> or <see cref="ModelCheckpoint"/> fills.</summary>
    /// <param name="config">Sizes and choices.</param>
    /// <param name="device">Where everything is computed.</param>
    /// <param name="computeType">The dtype of products and activations; values, moments, routers and norms stay float32.</param>
    /// <param name="withGradients">False saves half of the memory; the model then cannot be trained.</param>
    /// <param name="expertGroup">The ranks that share the experts; every rank makes the same calls. Null for one process.</param>
    /// <param name="elsewhere">
    /// Of a model that is only read: the values of stacks that do not lie in the arena, by name. The model frees them.
    /// </param>
    /// <exception cref="InvalidInputException">The ranks cannot share the experts equally.</exception>
    public LanguageModel(
        ModelConfig config, Device device, ScalarType computeType = ScalarType.Float32, bool withGradients = true,
        ProcessGroup? expertGroup = null,
        Func<IReadOnlyList<ParameterStack>, IReadOnlyDictionary<string, Tensor>>? elsewhere = null)
    {
        (Config, Device, this.computeType) = (config, device, computeType);
        Experts = new ExpertParallelism(config, expertGroup, device);
        var stacks = ParameterLayout.Of(config, Experts.Holds);
        Parameters = new ParameterArena(
            [.. stacks.Select(stack => (stack.Name, stack.Shape))], device, withGradients, elsewhere?.Invoke(stacks));
        Slices = ParameterLayout.SlicesOf(stacks, Parameters);
        rotary = new RotaryEmbedding(config, device);
        embedding = Parameter.Of(Parameters, ParameterTable.Embedding);
        head = OutputHead.Of(config, Parameters, Experts);
        finalNorm = NormWeights.Of(config, Parameters, "model.norm");
        blocks = [.. Enumerable.Range(0, config.NumHiddenLayers)
            .Select(layer => BlockWeights.Of(config, Parameters, layer, Experts))];
    }

    public ModelConfig Config { get; }

    public Device Device { get; }

    /// <summary>The dtype of the matrices; that of a model that is trained is float32.</summary>
    public ScalarType WeightsType { get; init; } = ScalarType.Float32;

    /// <summary>
    /// Whether a block keeps only its input for backward, which computes the block again: less memory, the same numbers.
    /// </summary>
    public bool ActivationCheckpointing { get; init; }

    /// <summary>Which of the experts this process has; all, if it is alone.</summary>
    public ExpertParallelism Experts { get; }

    /// <summary>All values and gradients of the parameters that this process has, each in one buffer.</summary>
    public ParameterArena Parameters { get; }

    /// <summary>Where each of this process's tensors lies in <see cref="Parameters"/>, in the checkpoint's order.</summary>
    public IReadOnlyList<ParameterSlice> Slices { get; }

    /// <summary>For steps of several processes, see <see cref="RouterLosses"/>; not called where no graph is built.</summary>
    public Action<Tensor>? AverageShares { get; set; }

    /// <summary>Told of the next backward passes; null for nobody.</summary>
    public BackwardProgress? Progress { get; set; }

    /// <summary>The scores of every next token, [B, T, V] in float32, for the int64 ids [B, T].</summary>
    public Tensor Logits(Tensor inputIds)
    {
        using var scope = TensorScope.Open();
        return scope.Keep(head.Scores(Hidden(inputIds, new())));
    }

    /// <summary>The training loss, L = NLL + Σ over layers of (α · LB + β · Z).</summary>
    /// <param name="inputIds">[B, T], int64.</param>
    /// <param name="targets">[B, T], int64; <see cref="LinearCrossEntropyFunction.IgnoreIndex"/> does not count.</param>
    /// <param name="statistics">Receives where the routers sent the tokens.</param>
    /// <param name="nllWeight">Multiplies the NLL: the weight of a micro-batch in the step's mean.</param>
    public LossTensors Loss(Tensor inputIds, Tensor targets, RoutingStatistics? statistics = null, double nllWeight = 1)
    {
        using var scope = TensorScope.Open();
        using var routerLosses = new RouterLosses(Device, Autograd.IsEnabled ? AverageShares : null);
        var x = Hidden(inputIds, new(statistics?.Layers, RouterLosses: routerLosses)).Reshape(-1, Config.HiddenSize);  // [n, d]
        var nll = head.Nll(x, targets.Reshape(-1));
        if (nllWeight != 1) nll *= nllWeight;
        var (total, loadBalancing, z) = (nll, routerLosses.LoadBalancing(), routerLosses.Z());
        if (Config.NumLocalExperts > 1)
        {
            // Every rank computes the routers' losses, and the ranks' gradients are added up.
            (loadBalancing, z) = (Experts.WithPartOfGradient(loadBalancing), Experts.WithPartOfGradient(z));
            total = nll + loadBalancing.Sum() * Config.RouterAuxLossCoef + z.Sum() * Config.RouterZLossCoef;
        }

        return new(scope.Keep(total), scope.Keep(nll.Detach()), scope.Keep(loadBalancing.Detach()), scope.Keep(z.Detach()));
    }

    /// <summary>Shows what passes through the blocks to one observer for each. Builds no graph.</summary>
    public void Observe(Tensor inputIds, IReadOnlyList<IRoutingObserver> observers)
    {
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        Hidden(inputIds, new(observers));
    }

    /// <summary>
    /// After backward: the whole gradient of every parameter that this process has. The ranks that share the experts call it
    /// once a step, before the gradients are used.
    /// </summary>
    public void SumPartialGradients() => PartialGradients.Sum(this);

    public void Dispose()
    {
        rotary.Dispose();
        Experts.Dispose();
        Parameters.Dispose();
    }

    private Tensor Hidden(Tensor inputIds, ForwardContext context)
    {
        using var scope = TensorScope.Open();
        RequireLength(context.LengthAfter(inputIds.Size(1)));
        var embedded = EmbeddingFunction.Apply(inputIds, embedding);
        // The head's part of a tied matrix's gradient is added up over the ranks, and with it this one.
        if (Config.TieWordEmbeddings) embedded = Experts.WithPartOfGradient(embedded);
        var x = Scaled(embedded.To(computeType), Config.EmbeddingMultiplier);  // [B, T, d]
        for (var layer = 0; layer < blocks.Length; layer++)
            x = Block(Progress?.Mark(x, layer) ?? x, blocks[layer], context with { Layer = layer });
        return scope.Keep(finalNorm.Apply(Progress?.Mark(x, blocks.Length) ?? x, Config));
    }

    private void RequireLength(long length)
    {
        if (length <= Config.LongestInput) return;
        throw new InvalidInputException(
            "input_ids", $"at most {Config.LongestInput} positions (max_position_embeddings)", $"{length}", "shorten the input");
    }

    private Tensor Block(Tensor x, BlockWeights block, ForwardContext context) =>
        ActivationCheckpointing && Autograd.IsEnabled
            ? BlockCheckpoint.Apply(x, block, Experts.WithAnchor(block.Leaves), context, Forward)
            : Forward(x, block, context);

    private Tensor Forward(Tensor x, BlockWeights block, ForwardContext context)
    {
        using var scope = TensorScope.Open();
        context.Observer?.AddResidual(x);
        var h = block.InputNorm?.Apply(x, Config) ?? x;
        var input = Shared(h, block.AttentionRouter);
        if (Config.ParallelBlock)
        {
            var bothHaveExperts = block is { AttentionRouter: not null, FeedForwardRouter: not null };
            var second = bothHaveExperts && block.SecondNorm is null ? input
                : Shared(block.SecondNorm?.Apply(x, Config) ?? h, block.FeedForwardRouter);
            var attention = Scaled(SelfAttention(input, block, context), Config.ResidualMultiplier);
            var feedForward = Scaled(FeedForward(second, block, context), Config.ResidualMultiplier);
            // One sum over the ranks for both branches, if they have experts.
            return scope.Keep(
                bothHaveExperts && Experts.Size > 1
                    ? x + Experts.Sum(attention + feedForward)
                    : x + Whole(attention, block.AttentionRouter) + Whole(feedForward, block.FeedForwardRouter));
        }

        x += Added(Whole(SelfAttention(input, block, context), block.AttentionRouter), block.AttentionOutputNorm);
        h = Shared(block.SecondNorm?.Apply(x, Config) ?? x, block.FeedForwardRouter);
        return scope.Keep(
            x + Added(Whole(FeedForward(h, block, context), block.FeedForwardRouter), block.FeedForwardOutputNorm));
    }

    // The input of a branch, whose experts, if it has any, the ranks share.
    private Tensor Shared(Tensor h, Parameter? router) => router is null ? h : Experts.Distribute(h);

    // A branch's output, of which each rank has the part of its own experts, if the branch has any.
    private Tensor Whole(Tensor branch, Parameter? router) => router is null ? branch : Experts.Sum(branch);

    // A branch's output, which is added to the residual stream.
    private Tensor Added(Tensor branch, NormWeights? norm) =>
        Scaled(norm?.Apply(branch, Config) ?? branch, Config.ResidualMultiplier);

    private static Tensor Scaled(Tensor x, double factor) => factor == 1 ? x : x * factor;

    // MoA(h) = Σ_i g_i(h) · MHA_i(h) (BAM, Eq. 3): all experts' heads in one attention; the product with the experts' output
    // projections side by side sums over the experts.
    private Tensor SelfAttention(Tensor h, BlockWeights block, ForwardContext context)
    {
        using var scope = TensorScope.Open();
        context.Observer?.AddAttentionInput(h);
        var gates = block.AttentionRouter is { } router ? Router(h, router).Softmax(-1) : null;  // [B, T, N]
        if (gates is not null) context.Observer?.AddGates(gates);
        var (shape, tables) = (ShapeOf(h, context.Layer), rotary.Of(context.Layer, context.LengthAfter(h.Size(1))));
        if (gates is not null && Config.AttentionRouting == AttentionRouting.TopK)
            return scope.Keep(TopKAttention(h, gates, shape, tables, block, context));

        gates = gates is null ? null : Experts.OfOwnExperts(gates);
        var qkv = block.Qkv.Apply(h);  // [B, T, (N·H + 2·N·G)·D]; with shared keys and values (N·H + 2·G)·D
        if (block.HeadNorms is { } norms) qkv = norms.Apply(qkv, shape.QueryHeads, shape.KeyValueHeads, Config);
        qkv = WithQueryFactors(Clipped(qkv), shape, context);
        var heads = Attention.Apply(AttentionInput.OfAll(qkv, gates, shape), tables, context.Past);  // [B, T, N·H·D]
        var mixed = LinearFunction.Apply(heads, block.Output.Weight, inputFirst: true);
        return scope.Keep(block.Output.Bias is { } bias ? mixed + OutputBias(bias, gates).To(mixed.ScalarType) : mixed);
    }

    private Tensor Clipped(Tensor projected) =>
        Config.ClipQkv is { } limit ? projected.Clamp(-limit, limit) : projected;

    // The queries of a projection [B, T, …] times their factors.
    private Tensor WithQueryFactors(Tensor qkv, AttentionShape shape, ForwardContext context)
    {
        using var scope = TensorScope.Open();
        var count = shape.BatchSize * shape.Length;
        if (rotary.QueryFactors(count, token => context.PositionOf(token, shape.Length)) is not { } ofTokens) return qkv;
        var factors = ofTokens.View(shape.BatchSize, shape.Length, 1);
        var width = (long)shape.QueryHeads * shape.HeadDim;
        var queries = qkv.Narrow(-1, 0, width) * factors.To(qkv.ScalarType);
        return scope.Keep(Tensor.Cat([queries, qkv.Narrow(-1, width, qkv.Size(-1) - width)], -1));
    }

    // Σ_i g_i(h) · b_i of the experts' biases [N·d].
    private Tensor OutputBias(Tensor bias, Tensor? gates) =>
        gates is null ? bias : gates.MatMul(bias.View(-1, Config.HiddenSize));

    // Top-k attention experts (BAM, Table 6): queries, attention rows and output projections only for the chosen (token, expert)
    // pairs, keys and values for every token. The gates outside the top k are zero, the others are not renormalised.
    private Tensor TopKAttention(
        Tensor h, Tensor gates, AttentionShape shape, RotaryTables tables, BlockWeights block, ForwardContext context)
    {
        using var scope = TensorScope.Open();
        var (hidden, queryWidth) = (Config.HiddenSize, (long)shape.HeadsPerExpert * shape.HeadDim);
        var ofTokens = gates.View(-1, Config.NumAttentionExperts);
        var (weights, chosen) = ofTokens.TopK(Config.NumAttentionExpertsPerTok!.Value);  // [n, k] each
        var own = Experts.AttentionExperts;
        var choices = chosen.ToArray<long>();
        var dispatch = ExpertDispatch.Sort(choices, Config.NumAttentionExperts, (int)chosen.Size(1), h.Device).Of(own);

        var queries = dispatch.Map(dispatch.Gather(h.Reshape(-1, hidden)), Queries);  // [n·k, H·D], by expert
        var keysAndValues = block.Qkv.Rows(shape.Experts * queryWidth, 2L * shape.KeyValueHeads * shape.HeadDim).Apply(h);
        if (block.HeadNorms is { } norms) keysAndValues = norms.Apply(keysAndValues, queryHeads: 0, shape.KeyValueHeads, Config);
        var rows = QueryRows.Chosen(shape, own.Number(choices), context.Start);
        queries = Clipped(queries);
        var tokens = new Lazy<long[]>(() => dispatch.Tokens.ToArray<long>());
        var ofRows = rotary.QueryFactors(
            (int)rows.Count, row => context.PositionOf((int)tokens.Value[row], shape.Length));
        if (ofRows is not null) queries *= ofRows.To(queries.ScalarType);
        var input = AttentionInput.OfChosen(queries, Clipped(keysAndValues), rows, shape);
        var outputs = dispatch.Map(Attention.Apply(input, tables, context.Past), Output);  // [n·k, d], by expert
        return scope.Keep(dispatch.Combine(outputs, weights.To(h.ScalarType)).View(h.Shape));

        Tensor Queries(Tensor tokens, int expert)
        {
            var projected = block.Qkv.Rows(expert * queryWidth, queryWidth).Apply(tokens);
            return block.HeadNorms?.OfExpert(expert, shape.Experts).Apply(projected, shape.HeadsPerExpert, keyHeads: 0, Config)
                ?? projected;
        }

        Tensor Output(Tensor heads, int expert)
        {
            var mixed = LinearFunction.Apply(heads, block.Output.Weight.Rows(expert * queryWidth, queryWidth), inputFirst: true);
            return block.Output.Bias is { } bias ? mixed + bias.Narrow(0, expert * hidden, hidden).To(mixed.ScalarType) : mixed;
        }
    }

    private AttentionShape ShapeOf(Tensor h, int layer)
    {
        var experts = Experts.AttentionExperts.Count;
        var keyValueExperts = Config.ShareKeyValue ? 1 : experts;
        return new(
            (int)h.Size(0), (int)h.Size(1), experts * Config.NumAttentionHeads, keyValueExperts * Config.NumKeyValueHeads,
            Config.NumAttentionHeads, Config.NumKeyValueHeads, Config.HeadDim, Config.WindowOf(layer) ?? int.MaxValue)
        {
            Scale = Config.AttentionMultiplier ?? 1 / Math.Sqrt(Config.HeadDim),
            SoftCap = Config.AttnLogitSoftcapping ?? 0,
        };
    }

    private Tensor FeedForward(Tensor h, BlockWeights block, ForwardContext context)
    {
        using var scope = TensorScope.Open();
        context.Observer?.AddFeedForwardInput(h);
        var tokens = h.Reshape(-1, Config.HiddenSize);  // [n, d]
        if (block.FeedForwardRouter is not { } router)
        {
            context.RouterLosses?.AddNone();
            return scope.Keep(Expert(tokens, block.GateUp[0], block.Down[0]).Reshape(h.Shape));
        }

        var logits = Router(tokens, router);                                  // [n, M]
        var probabilities = logits.Softmax(-1);                               // [n, M]
        var (weights, chosen) = probabilities.TopK(Config.NumExpertsPerTok);  // [n, k] each
        if (Config.NormTopkProb) weights /= weights.Sum(-1, keepDim: true);
        var dispatch = ExpertDispatch.Sort(chosen, Config.NumLocalExperts);
        context.RouterLosses?.Add(logits, probabilities, dispatch.Shares);
        context.Observer?.AddAssignments(chosen, probabilities);

        dispatch = dispatch.Of(Experts.FeedForwardExperts(context.Layer));
        var outputs = RoutedExperts(dispatch.Gather(tokens), dispatch, block);
        var combined = dispatch.Combine(outputs, weights.To(computeType));
        if (block.SharedExpert is { } shared) combined = Experts.AddOwnTokens(combined, tokens, batch => Always(batch, shared));
        return scope.Keep(combined.Reshape(h.Shape));

        Tensor Always(Tensor batch, SharedExpert shared) =>
            Router(batch, shared.Gate).Sigmoid().To(computeType) * Expert(batch, shared.GateUp, shared.Down);
    }

    // Each expert's output for its tokens, [n·k, d] to [n·k, d].
    private Tensor RoutedExperts(Tensor sorted, ExpertDispatch dispatch, BlockWeights block)
    {
        if (Config.MlpBias || !IsGrouped(block.GateUp) || !IsGrouped(block.Down))
            return dispatch.Map(sorted, (batch, expert) => Expert(batch, block.GateUp[expert], block.Down[expert]));
        using var scope = TensorScope.Open();
        var gateUp = GroupedLinear.Apply(sorted, dispatch.Counts, Array.ConvertAll(block.GateUp, p => p.Weight));
        var activated = HiddenActivation.Apply(gateUp, Config);
        return scope.Keep(GroupedLinear.Apply(activated, dispatch.Counts, Array.ConvertAll(block.Down, p => p.Weight)));

        bool IsGrouped(Projection[] experts) => GroupedLinear.Supports(sorted, dispatch.Counts, experts[0].Weight);
    }

    // A router's scores, always in float32.
    private static Tensor Router(Tensor h, Parameter router) => LinearFunction.Apply(h.To(ScalarType.Float32), router);

    // down(act(gate(h)) ∘ up(h)), or down(act(up(h)))
    private Tensor Expert(Tensor tokens, Projection gateUp, Projection down)
    {
        using var scope = TensorScope.Open();
        return scope.Keep(down.Apply(HiddenActivation.Apply(gateUp.Apply(tokens), Config)));
    }
}
