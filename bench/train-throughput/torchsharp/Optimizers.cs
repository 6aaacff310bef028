using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Bam.Bench.TorchSharpPeer;

/// <summary>AdamW with decay on matrices only, as in the paper.</summary>
internal interface IOptimizer : IDisposable
{
    /// <summary>Applies the gradients and releases them.</summary>
    void Step();
}

/// <summary>The optimizer that TorchSharp has: its update is written in C#, one parameter and one operator at a time.</summary>
internal sealed class PlainAdamW(LanguageModel model) : IOptimizer
{
    private readonly AdamW optimizer = optim.AdamW(
        [Group(model.parameters().Where(p => p.dim() > 1), 0.1), Group(model.parameters().Where(p => p.dim() <= 1), 0)]);

    public void Step()
    {
        optimizer.step();
        optimizer.zero_grad();
    }

    public void Dispose() => optimizer.Dispose();

    private static AdamW.ParamGroup Group(IEnumerable<Parameter> parameters, double decay) =>
        new(parameters, lr: 1e-3, beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: decay);
}

/// <summary>libtorch's fused AdamW. TorchSharp has no method for it; a TorchScript function reaches it.</summary>
internal sealed class FusedAdamW : IOptimizer
{
    private const string Script = """
        def update(parameters: List[Tensor], gradients: List[Tensor], means: List[Tensor], squares: List[Tensor],
                   steps: List[Tensor], decay: float):
            torch._foreach_add_(steps, 1)
            torch._fused_adamw_(parameters, gradients, means, squares, [], steps, lr=0.001, beta1=0.9, beta2=0.95,
                                weight_decay=decay, eps=1e-8, amsgrad=False, maximize=False)
            return steps[0]

        """;

    private readonly jit.CompilationUnit unit = jit.compile(Script);
    private readonly Group[] groups;

    public FusedAdamW(LanguageModel model)
    {
        groups =
        [
            new([.. model.parameters().Where(p => p.dim() > 1)], 0.1),
            new([.. model.parameters().Where(p => p.dim() <= 1)], 0),
        ];
    }

    public void Step()
    {
        using var scope = NewDisposeScope();
        using var withoutGradients = no_grad();
        foreach (var (parameters, decay, means, squares, steps) in groups)
        {
            var gradients = parameters.Select(parameter => parameter.grad!).ToArray();
            unit.invoke("update", [parameters, gradients, means, squares, steps, decay]);
        }

        foreach (var parameter in groups.SelectMany(group => group.Parameters)) parameter.grad = null;
    }

    public void Dispose() => unit.Dispose();

    private sealed record Group(Tensor[] Parameters, double Decay, Tensor[] Means, Tensor[] Squares, Tensor[] Steps)
    {
        public Group(Tensor[] parameters, double decay)
            : this(parameters, decay, Zeros(parameters), Zeros(parameters), [.. parameters.Select(_ => zeros(1))])
        {
        }

        private static Tensor[] Zeros(Tensor[] parameters) => [.. parameters.Select(parameter => zeros(parameter.shape))];
    }
}
