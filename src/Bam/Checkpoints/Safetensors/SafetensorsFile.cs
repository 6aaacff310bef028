using System.Buffers;
using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Bam.Files;
using Microsoft.Win32.SafeHandles;

namespace Bam.Checkpoints.Safetensors;

/// <summary>
/// A safetensors file, open for positional reads. Safe for reading by several threads.
/// Format: https://github.com/huggingface/safetensors#format.
/// </summary>
internal sealed class SafetensorsFile : IDisposable
{
    /// <summary>How much is converted at a time.</summary>
    private const int BufferLength = 1 << 20;

    private readonly SafeFileHandle handle;

    private SafetensorsFile(string path, SafeFileHandle handle)
    {
        Path = path;
        this.handle = handle;
        var header = ReadHeader();
        Tensors = header.Tensors;
        Metadata = header.Metadata;
    }

    public string Path { get; }

    /// <summary>The length of the file in bytes.</summary>
    public long Length { get; private set; }

    public IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    /// <summary>The strings under <c>__metadata__</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Opens a file and checks its header against its length.</summary>
    /// <exception cref="InvalidInputException">It is missing, cut short, or its header is wrong.</exception>
    public static SafetensorsFile Open(string path)
    {
        InputFile.RequireRegular(path);
        SafeFileHandle handle;
        try
        {
            handle = File.OpenHandle(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw InputFile.Unreadable(path, "expected a .safetensors file", e);
        }

        try
        {
            return new SafetensorsFile(path, handle);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>A tensor's description.</summary>
    /// <exception cref="InvalidInputException">The file has no tensor of that name.</exception>
    public TensorInfo this[string name] =>
        Tensors.TryGetValue(name, out var info)
            ? info
            : throw new InvalidInputException($"{Path}: tensor {name}", "such a tensor", "none", "is it the right file?");

    /// <summary>Reads a tensor's bytes from an offset within it. The destination must end within the tensor.</summary>
    /// <exception cref="InvalidInputException">The file cannot be read or has become shorter.</exception>
    public void ReadBytes(TensorInfo tensor, long byteOffset, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteOffset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(byteOffset, tensor.ByteLength - destination.Length);
        ReadAt(tensor.Offset + byteOffset, destination);
    }

    /// <summary>Tells the kernel to start reading a range of a tensor's bytes.</summary>
    internal void ReadAhead(TensorInfo tensor, long byteOffset, long length) =>
        FileAdvice.ReadAhead(handle, tensor.Offset + byteOffset, length);

    /// <summary>Reads a whole floating-point tensor, converted to float32, into exactly as many elements.</summary>
    /// <exception cref="InvalidInputException">There is no such tensor, or it is not floating-point.</exception>
    public void ReadFloat32(string name, Span<float> destination)
    {
        var tensor = this[name];
        if (destination.Length != tensor.Count)
            throw new ArgumentException($"{name} has {tensor.Count} elements, not {destination.Length}", nameof(destination));
        ReadFloat32(tensor, 0, destination);
    }

    /// <summary>Reads a range of a floating-point tensor, converted to float32. It must end within the tensor.</summary>
    /// <exception cref="InvalidInputException">It is not floating-point, exceeds float32, or cannot be read.</exception>
    public void ReadFloat32(TensorInfo tensor, long start, Span<float> destination)
    {
        if (!tensor.Dtype.IsFloatingPoint && !tensor.Dtype.IsFloat8)
            throw new InvalidInputException(
                $"{Path}: tensor {tensor.Name}: dtype", "a floating-point type", tensor.Dtype.SafetensorsName,
                "is it the right file?");
        if (tensor.Dtype == TensorDtype.Float32)
        {
            // In pieces, since a span of bytes has at most a quarter of the elements.
            while (!destination.IsEmpty)
            {
                var count = Math.Min(destination.Length, BufferLength);
                ReadBytes(tensor, start * sizeof(float), MemoryMarshal.AsBytes(destination[..count]));
                destination = destination[count..];
                start += count;
            }

            return;
        }

        var size = tensor.Dtype.ByteSize;
        var buffer = ArrayPool<byte>.Shared.Rent(BufferLength);
        try
        {
            while (!destination.IsEmpty)
            {
                var count = Math.Min(destination.Length, BufferLength / size);
                var bytes = buffer.AsSpan(0, count * size);
                ReadBytes(tensor, start * size, bytes);
                FloatConversion.ToFloat32(tensor.Dtype, bytes, destination[..count]);
                if (tensor.Dtype == TensorDtype.Float64)
                    RequireFits(tensor, start, MemoryMarshal.Cast<byte, double>(bytes), destination[..count]);
                destination = destination[count..];
                start += count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Reads a whole int64 or int32 tensor.</summary>
    /// <exception cref="InvalidInputException">There is no such tensor, or it is of another type.</exception>
    public long[] ReadInt64(string name)
    {
        var tensor = this[name];
        if (tensor.Dtype is not (TensorDtype.Int64 or TensorDtype.Int32))
            throw new InvalidInputException(
                $"{Path}: tensor {name}: dtype", "I64", tensor.Dtype.SafetensorsName, "store it as int64");
        if (tensor.Dtype == TensorDtype.Int64)
        {
            var values = new long[tensor.Count];
            ReadBytes(tensor, 0, MemoryMarshal.AsBytes(values.AsSpan()));
            return values;
        }

        var narrow = new int[tensor.Count];
        ReadBytes(tensor, 0, MemoryMarshal.AsBytes(narrow.AsSpan()));
        return Array.ConvertAll(narrow, value => (long)value);
    }

    public void Dispose() => handle.Dispose();

    private void RequireFits(TensorInfo tensor, long start, ReadOnlySpan<double> values, ReadOnlySpan<float> converted)
    {
        if (TensorPrimitives.IsFiniteAll(converted)) return;
        for (var i = 0; i < values.Length; i++)
        {
            if (double.IsFinite(values[i]) && !float.IsFinite(converted[i]))
                throw Narrowing.Fault(
                    $"{Path}: tensor {tensor.Name}{TensorShape.DescribeIndex(tensor.Shape, start + i)}", values[i]);
        }
    }

    private SafetensorsHeader ReadHeader()
    {
        try
        {
            Length = RandomAccess.GetLength(handle);
        }
        catch (Exception e) when (e is IOException or NotSupportedException)
        {
            throw InputFile.Unreadable(Path, "expected a .safetensors file", e);
        }

        if (Length < SafetensorsHeader.PrefixLength)
            throw new InvalidInputException(
                Path, "a safetensors file of at least 8 bytes", $"{Length} bytes", "the file is cut short, copy it again");
        Span<byte> prefix = stackalloc byte[SafetensorsHeader.PrefixLength];
        ReadAt(0, prefix);
        var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        SafetensorsHeader.CheckLength(Path, headerLength, Length);
        var json = new byte[headerLength];
        ReadAt(prefix.Length, json);
        return SafetensorsHeader.Parse(Path, json, Length);
    }

    private void ReadAt(long position, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            int read;
            try
            {
                read = RandomAccess.Read(handle, destination, position);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw InputFile.Unreadable(Path, "expected a .safetensors file", e);
            }

            if (read == 0)
                throw new InvalidInputException(
                    Path, $"{Length} bytes, as when it was opened", $"{position}", "it was changed while Bam read it; try again");
            destination = destination[read..];
            position += read;
        }
    }
}
