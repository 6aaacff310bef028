using System.Diagnostics;

namespace Bam.Torch;

/// <summary>
/// All parameters of a model in one contiguous buffer and all their gradients in another, both float32, so that the
/// optimizer, clipping and an all-reduce are one pass each. Every parameter is a leaf whose storage is a view of the
/// values and whose gradient is preset to a view of the gradients: backward accumulates in place. The views share one
/// version counter, so the values are written only between a finished backward and the next forward.
/// </summary>
internal sealed class ParameterArena : IDisposable
{
    private readonly List<Entry> entries = [];
    private readonly Dictionary<string, Entry> byName = [];

    /// <summary>Makes an arena with values and gradients of zero; without gradients the values are undefined.</summary>
    /// <param name="parameters">Names and shapes, in the order in which they lie.</param>
    /// <param name="device">Where.</param>
    /// <param name="withGradients">False for parameters that are only read: <see cref="Gradients"/> is then empty.</param>
    /// <param name="elsewhere">
    /// The values of parameters that are only read and lie elsewhere, or have another dtype. The arena frees them.
    /// </param>
    /// <exception cref="ArgumentException">Two parameters have the same name, or values elsewhere do not fit.</exception>
    public ParameterArena(
        IReadOnlyList<(string Name, long[] Shape)> parameters, Device device, bool withGradients = true,
        IReadOnlyDictionary<string, Tensor>? elsewhere = null)
    {
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        if (withGradients && elsewhere is { Count: > 0 })
            throw new ArgumentException("parameters with gradients lie in the arena", nameof(elsewhere));
        Count = parameters.Where(parameter => elsewhere?.ContainsKey(parameter.Name) is not true)
            .Sum(parameter => Product(parameter.Shape));
        // Who only reads a model loads values next: zeros would be a pass over the memory for nothing.
        Values = withGradients ? Tensor.Zeros([Count], device: device) : Tensor.Empty([Count], device: device);
        Gradients = Tensor.Zeros([withGradients ? Count : 0], device: device);
        var offset = 0L;
        foreach (var (name, shape) in parameters)
        {
            if (elsewhere?.TryGetValue(name, out var there) is true)
            {
                if (!there.Shape.SequenceEqual(shape))
                {
                    throw new ArgumentException(
                        $"expected {name} as [{string.Join(", ", shape)}], found {there}", nameof(elsewhere));
                }

                Add(new Entry(name, Offset: -1, there, Gradients.Narrow(0, 0, 0)));
                continue;
            }

            var count = Product(shape);
            var value = Values.Narrow(0, offset, count).View(shape).Detach();
            var gradient = withGradients ? Gradients.Narrow(0, offset, count).View(shape) : Gradients.Narrow(0, 0, 0);
            if (withGradients)
            {
                value.RequiresGrad = true;
                value.SetGrad(gradient);
            }

            Add(new Entry(name, offset, value, gradient));
            offset += count;
        }

        // Last, so that the scope frees everything when something above fails.
        Values.DetachFromScope();
        Gradients.DetachFromScope();
        foreach (var entry in entries)
        {
            entry.Value.DetachFromScope();
            entry.Gradient.DetachFromScope();
        }

        void Add(Entry entry)
        {
            if (!byName.TryAdd(entry.Name, entry))
                throw new ArgumentException($"two parameters are named '{entry.Name}'", nameof(parameters));
            entries.Add(entry);
        }
    }

    /// <summary>How many numbers all parameters have together, without those that lie elsewhere.</summary>
    public long Count { get; }

    /// <summary>The values of all parameters that do not lie elsewhere, [Count].</summary>
    public Tensor Values { get; }

    /// <summary>The gradients of all parameters, [Count]; [0] without gradients.</summary>
    public Tensor Gradients { get; }

    /// <summary>The parameters' names, in the order in which they lie.</summary>
    public IReadOnlyList<string> Names => entries.ConvertAll(entry => entry.Name);

    /// <summary>A parameter: a leaf of the graph. The arena owns it.</summary>
    /// <exception cref="KeyNotFoundException">There is no parameter of this name.</exception>
    public Tensor this[string name] => byName[name].Value;

    /// <summary>The gradient of a parameter, of its shape; [0] without gradients. The arena owns it.</summary>
    /// <exception cref="KeyNotFoundException">There is no parameter of this name.</exception>
    public Tensor GradientOf(string name) => byName[name].Gradient;

    /// <summary>Where a parameter begins in <see cref="Values"/>; negative if it lies elsewhere.</summary>
    /// <exception cref="KeyNotFoundException">There is no parameter of this name.</exception>
    public long OffsetOf(string name) => byName[name].Offset;

    public void ZeroGradients() => Gradients.Zero_();

    /// <summary>In debug builds: every leaf's gradient still lies in the arena.</summary>
    /// <exception cref="InvalidOperationException">Something replaced a gradient; the message names the parameter.</exception>
    [Conditional("DEBUG")]
    public void AssertGradientsInPlace()
    {
        using var scope = TensorScope.Open();
        foreach (var entry in entries)
        {
            if (entry.Value.Grad is not { } gradient || gradient.DataPointer != entry.Gradient.DataPointer)
                throw new InvalidOperationException($"the gradient of '{entry.Name}' no longer lies in the arena");
        }
    }

    public void Dispose()
    {
        foreach (var entry in entries)
        {
            entry.Value.Dispose();
            entry.Gradient.Dispose();
        }

        Values.Dispose();
        Gradients.Dispose();
    }

    private static long Product(long[] shape) => shape.Aggregate(1L, (product, size) => checked(product * size));

    private sealed record Entry(string Name, long Offset, Tensor Value, Tensor Gradient);
}
