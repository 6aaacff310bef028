using System.Globalization;
using System.Text;

namespace Bam.Torch;

/// <summary>Writes arguments for error messages: types and shapes of tensors, values of the rest.</summary>
internal static unsafe class ValueText
{
    internal static string Of(ReadOnlySpan<Value> values)
    {
        var text = new StringBuilder();
        foreach (var value in values)
        {
            if (text.Length > 0)
                text.Append(", ");
            Append(text, value);
        }

        return text.ToString();
    }

    private static void Append(StringBuilder text, Value value)
    {
        switch (value.Kind)
        {
            case ValueKind.Tensor:
                AppendTensor(text, value.Handle);
                break;
            case ValueKind.Int:
                text.Append(CultureInfo.InvariantCulture, $"{value.Integer}");
                break;
            case ValueKind.Double:
                text.Append(CultureInfo.InvariantCulture, $"{value.Number}");
                break;
            case ValueKind.Bool:
                text.Append(value.Integer != 0 ? "true" : "false");
                break;
            case ValueKind.String:
                text.Append('"').Append(Encoding.UTF8.GetString((byte*)value.Pointer, value.Length)).Append('"');
                break;
            case ValueKind.IntList:
                AppendList(text, new ReadOnlySpan<long>((void*)value.Pointer, value.Length));
                break;
            case ValueKind.DoubleList:
                AppendList(text, new ReadOnlySpan<double>((void*)value.Pointer, value.Length));
                break;
            case ValueKind.BoolList:
                AppendList(text, new ReadOnlySpan<bool>((void*)value.Pointer, value.Length));
                break;
            case ValueKind.TensorList:
                AppendTensors(text, new ReadOnlySpan<nint>((void*)value.Pointer, value.Length));
                break;
            default:
                text.Append(value.Kind);
                break;
        }
    }

    private static void AppendTensor(StringBuilder text, nint handle)
    {
        Native.TensorInfo info;
        Native.bam_tensor_info(handle, &info);
        Span<long> shape = info.Rank == 0 ? [] : new long[info.Rank];
        fixed (long* sizes = shape)
            Native.bam_tensor_shape(handle, sizes);
        text.Append((ScalarType)info.ScalarType);
        AppendList(text, shape);
    }

    private static void AppendTensors(StringBuilder text, ReadOnlySpan<nint> handles)
    {
        text.Append('[');
        for (var i = 0; i < handles.Length; i++)
        {
            if (i > 0)
                text.Append(", ");
            if (handles[i] == 0)
                text.Append("None");
            else
                AppendTensor(text, handles[i]);
        }

        text.Append(']');
    }

    private static void AppendList<T>(StringBuilder text, ReadOnlySpan<T> values)
    {
        text.Append('[');
        for (var i = 0; i < values.Length; i++)
            text.Append(i > 0 ? ", " : "").Append(CultureInfo.InvariantCulture, $"{values[i]}");
        text.Append(']');
    }
}
